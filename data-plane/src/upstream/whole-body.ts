/** Largest answer that is kept whole before it is passed on. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Largest error body that is kept. */
const ERROR_BYTES_MAX = 1024 * 1024;

/** Keeps the body of an answer until it is whole. */
export class WholeBody {
  readonly #bytesMax: number;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  constructor(status: number) {
    this.#bytesMax = status < 300 ? ANSWER_BYTES_MAX : ERROR_BYTES_MAX;
  }

  /** False once it is larger than may be kept. */
  push(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    return this.#length <= this.#bytesMax;
  }

  bytes(): Buffer {
    const only = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
    return only ?? Buffer.concat(this.#chunks, this.#length);
  }
}
