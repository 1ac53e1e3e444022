// By name only some of it can be imported.
import kafkajs from 'kafkajs';
import { compressFrameSync, decompressFrameSync } from 'lz4-napi';

/**
 * Teaches kafkajs to read and write LZ4. To be called before anything is read or produced.
 *
 * Of JSON in batches, deflate takes four to ten times the CPU to write and twice to read, and saves two fifths of the
 * bytes; every report is written once and read by several. Snappy is no dearer, but brokers need a library of the
 * platform's own for it, which is not everywhere; for LZ4 they have one in Java.
 */
export function teachLz4(): void {
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.LZ4] = () => ({
    // At once, on this thread: the largest batch that there may be takes some milliseconds, most take microseconds.
    compress: ({ buffer }: { readonly buffer: Buffer }) => Promise.resolve(compressFrameSync(buffer)),
    decompress: (frame: Buffer) => Promise.resolve(decompressFrameSync(frame)),
  });
}
