import { FirebreakError } from '../../contracts/errors.ts';

/**
 * What is kept of a value: of objects the members that are named (`*`: any), of lists the first `mostItems`, and texts and
 * numbers as they are. Null keeps the name of a member and not its value.
 */
export interface JsonShape {
  readonly [member: string]: JsonShape | null;
}

export interface PrunerBounds {
  readonly depth: number;
  /** Of every list. */
  readonly items: number;
  /** A longer text or number becomes null. */
  readonly scalarBytes: number;
  readonly keptBytes: number;
}

type Kept = Record<string, unknown> | unknown[];
interface Frame {
  readonly value: Kept;
  readonly shape: JsonShape;
  name: string;
  items: number;
}

/** A text or number under way; `bytes` is null once it is too long or not wanted. */
interface Token {
  readonly isText: boolean;
  bytes: number[] | null;
}

/** A list or object that nobody wants, and the brackets that it still has to have, the last one first to come. */
interface Passing {
  readonly closing: number[];
  isInText: boolean;
  isEscaped: boolean;
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** For an object with its brace and name, and for a null. */
const bytesOfNothing = 8;

/**
 * Reads one JSON document piece by piece and keeps a little of it: memory is bounded by what is kept, whatever the
 * document holds. What is kept is held to the grammar; of what is passed over strings and brackets are.
 *
 *   value ──▶ comma or end ──▶ name ──▶ colon ──▶ value …      a value that nobody named is passed over
 */
export class JsonPruner {
  readonly #shape: JsonShape;
  readonly #bounds: PrunerBounds;
  readonly #frames: Frame[] = [];
  #expects: 'value' | 'value or end' | 'name' | 'name or end' | 'colon' | 'comma or end' | 'nothing' =
    'value';
  #token: Token | null = null;
  #isEscaped = false;
  #passing: Passing | null = null;
  #root: unknown;
  #keptBytes = 0;

  constructor(shape: JsonShape, bounds: PrunerBounds) {
    this.#shape = shape;
    this.#bounds = bounds;
  }

  /** @throws FB_BODY_NOT_JSON, FB_BODY_TOO_DEEP, FB_BODY_TOO_LARGE where more would be kept than may be */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#passing !== null) at = this.#passOver(this.#passing, chunk, at);
      else if (this.#token !== null) at = this.#goOn(this.#token, chunk, at);
      else {
        this.#take(chunk[at] ?? 0);
        at += 1;
      }
    }
  }

  /** @returns what is kept of the document @throws FB_BODY_NOT_JSON when it is not whole */
  end(): unknown {
    if (this.#token?.isText === false) this.#endToken(this.#token);
    if (this.#expects !== 'nothing') throw notJson('ends before it is whole');
    return this.#root;
  }

  /** Takes the rest of a text or number. @returns where what follows it begins; a text's closing quote is consumed */
  #goOn(token: Token, chunk: Uint8Array, from: number): number {
    const { isText } = token;
    let isEscaped = this.#isEscaped;
    let at = from;
    for (; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (isText ? byte === quote && !isEscaped : !isOfLiteral(byte)) break;
      isEscaped = isText && byte === backslash && !isEscaped;
      if (token.bytes !== null && token.bytes.push(byte) > this.#bounds.scalarBytes) token.bytes = null;
    }
    this.#isEscaped = isEscaped;
    if (at === chunk.length) return at;
    if (isText) token.bytes?.push(quote);
    this.#endToken(token);
    return isText ? at + 1 : at;
  }

  #take(byte: number): void {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return;
    if (byte === comma || byte === colon) this.#separate(byte);
    else if (byte === closeList || byte === closeObject) this.#close(byte);
    else this.#begin(byte);
  }

  #begin(byte: number): void {
    const isName = this.#expects === 'name' || this.#expects === 'name or end';
    if (isName ? byte !== quote : !this.#expects.startsWith('value')) throw notJson('is out of order');
    if (isName) {
      this.#token = { isText: true, bytes: [quote] };
      return;
    }
    const shape = this.#wanted();
    if (byte === openList || byte === openObject) {
      if (this.#frames.length >= this.#bounds.depth) throw this.#tooDeep();
      if (shape == null) {
        this.#passing = { closing: [closingOf(byte)], isInText: false, isEscaped: false };
        return;
      }
      const value: Kept = byte === openList ? [] : {};
      this.#keep(bytesOfNothing);
      this.#put(value);
      this.#frames.push({ value, shape, name: '', items: 0 });
      this.#expects = byte === openList ? 'value or end' : 'name or end';
      return;
    }
    const isText = byte === quote;
    if (!isText && !isOfLiteral(byte)) throw notJson('is out of order');
    this.#token = { isText, bytes: shape == null ? null : [byte] };
  }

  #separate(byte: number): void {
    const frame = this.#frames.at(-1);
    if (byte === colon && this.#expects === 'colon') this.#expects = 'value';
    else if (byte === comma && this.#expects === 'comma or end' && frame !== undefined)
      this.#expects = Array.isArray(frame.value) ? 'value' : 'name';
    else throw notJson('is out of order');
  }

  #close(byte: number): void {
    const frame = this.#frames.pop();
    const isRight = frame !== undefined && Array.isArray(frame.value) === (byte === closeList);
    if (!isRight || !this.#expects.endsWith('or end')) throw notJson('is out of order');
    this.#valueEnded();
  }

  /** @returns where what follows it begins */
  #passOver(passing: Passing, chunk: Uint8Array, from: number): number {
    const { closing } = passing;
    let { isInText, isEscaped } = passing;
    let at = from;
    while (at < chunk.length && closing.length > 0) {
      const byte = chunk[at] ?? 0;
      at += 1;
      if (isInText) {
        isInText = isEscaped || byte !== quote;
        isEscaped = !isEscaped && byte === backslash;
      } else if (byte === quote) isInText = true;
      else if (byte === openList || byte === openObject) {
        if (this.#frames.length + closing.length >= this.#bounds.depth) throw this.#tooDeep();
        closing.push(closingOf(byte));
      } else if (byte === closeList || byte === closeObject) {
        if (closing.pop() !== byte) throw notJson('is out of order');
      }
    }
    Object.assign(passing, { isInText, isEscaped });
    if (closing.length > 0) return at;
    this.#passing = null;
    this.#leaveOut();
    return at;
  }

  #endToken({ bytes }: Token): void {
    this.#token = null;
    const frame = this.#frames.at(-1);
    if (frame !== undefined && this.#expects.startsWith('name')) {
      frame.name = bytes === null ? '' : String(parse(bytes));
      this.#expects = 'colon';
      return;
    }
    if (bytes === null) {
      this.#leaveOut();
      return;
    }
    this.#keep(bytes.length);
    this.#put(parse(bytes));
    this.#valueEnded();
  }

  /** A value that is not kept leaves a null where its name is wanted. */
  #leaveOut(): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) this.#root = null;
    else if (!Array.isArray(frame.value) && shapeOf(frame.shape, frame.name) !== undefined) {
      this.#keep(bytesOfNothing);
      this.#put(null);
    }
    this.#valueEnded();
  }

  /** @returns what is kept of the value that begins; null or undefined: nothing */
  #wanted(): JsonShape | null | undefined {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return this.#shape;
    if (!Array.isArray(frame.value)) return shapeOf(frame.shape, frame.name);
    frame.items += 1;
    return frame.items > this.#bounds.items ? null : frame.shape;
  }

  #put(value: unknown): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) this.#root = value;
    else if (Array.isArray(frame.value)) frame.value.push(value);
    else {
      this.#keep(frame.name.length);
      frame.value[frame.name] = value;
    }
  }

  #valueEnded(): void {
    this.#expects = this.#frames.length === 0 ? 'nothing' : 'comma or end';
  }

  #keep(bytes: number): void {
    this.#keptBytes += bytes;
    if (this.#keptBytes > this.#bounds.keptBytes)
      throw new FirebreakError(
        'FB_BODY_TOO_LARGE',
        `What is used of the body is more than ${this.#bounds.keptBytes} bytes.`,
      );
  }

  #tooDeep(): FirebreakError {
    return new FirebreakError(
      'FB_BODY_TOO_DEEP',
      `The body is nested deeper than ${this.#bounds.depth} levels.`,
    );
  }
}

/** @returns null where the name alone is wanted, undefined where nothing is */
function shapeOf(shape: JsonShape, name: string): JsonShape | null | undefined {
  if (name === '__proto__') return undefined;
  return Object.hasOwn(shape, name) ? shape[name] : shape['*'];
}

function closingOf(opening: number): number {
  return opening === openList ? closeList : closeObject;
}

/** Numbers and the three words; JSON.parse says which sequences of these are any. */
function isOfLiteral(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x45
  );
}

function parse(bytes: readonly number[]): unknown {
  try {
    return JSON.parse(utf8.decode(Uint8Array.from(bytes))) as unknown;
  } catch {
    throw notJson('has a text or a number that is none, or is not UTF-8');
  }
}

function notJson(how: string): FirebreakError {
  return new FirebreakError('FB_BODY_NOT_JSON', `The body is not one JSON document: it ${how}.`);
}
