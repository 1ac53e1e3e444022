import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { RouteReply } from './route.ts';

/** Writes what a route answered. JSON is serialized here, once. */
export function sendReply(reply: FastifyReply, answer: RouteReply): FastifyReply {
  if ('take' in answer) {
    reply.hijack();
    answer.take(reply.raw);
    return reply;
  }
  reply.code(answer.status);
  if (answer.headers !== undefined) reply.headers(answer.headers);
  if ('content' in answer) {
    const { content, mediaType } = answer;
    reply.header('content-type', mediaType);
    const ready = typeof content === 'string' || Buffer.isBuffer(content);
    return reply.send(ready ? content : Readable.from(content, { objectMode: false }));
  }
  if (answer.json === undefined) return reply.send();
  reply.header('content-type', 'application/json; charset=utf-8');
  return reply.send(JSON.stringify(answer.json));
}
