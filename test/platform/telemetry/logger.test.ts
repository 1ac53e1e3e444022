import { describe, expect, test } from '@jest/globals';
import { FirebreakError } from '../../../contracts/errors.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';

function capture() {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) };
  return { lines, logger: createLogger({ name: 'ingest', level: 'info', destination }) };
}

describe('the log', () => {
  test('a line is one JSON object with level, time, name and fields', () => {
    const { lines, logger } = capture();
    logger.child({ part: 'view' }).info({ reports: 3 }, 'accepted');
    logger.debug({}, 'below the level');
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        name: 'ingest',
        part: 'view',
        reports: 3,
        msg: 'accepted',
      },
    ]);
  });

  test('secrets are cut out', () => {
    const { lines, logger } = capture();
    logger.warn({ headers: { authorization: 'Bearer fbd_x' }, credential: 'fbd_x' }, 'odd');
    expect(lines[0]).toMatchObject({ headers: { authorization: '[secret]' }, credential: '[secret]' });
  });

  test('an error is written with its code and cause', () => {
    const { lines, logger } = capture();
    const error = new FirebreakError('FB_LOG_FULL', 'full', { cause: new Error('disk') });
    logger.error({ error }, 'append failed');
    expect(lines[0]).toMatchObject({
      error: { code: 'FB_LOG_FULL', message: expect.stringContaining('disk') },
    });
  });
});
