/** Bytes, compressed and back. Of what ends early, all that can be read is given out before the failure. */
import * as Data from "effect/Data"
import * as Stream from "effect/Stream"

export class GzipFailed extends Data.TaggedError("GzipFailed")<{ readonly detail: string }> {
  override get message() {
    return this.detail
  }
}

export const compressed = <E>(bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<Uint8Array, GzipFailed> =>
  through(bytes, new CompressionStream("gzip"))

export const decompressed = <E>(bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<Uint8Array, GzipFailed> =>
  through(bytes, new DecompressionStream("gzip"))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const through = <E>(bytes: Stream.Stream<Uint8Array, E>, transform: CompressionStream | DecompressionStream) =>
  Stream.fromReadableStream<Uint8Array, GzipFailed>({
    evaluate: () => Stream.toReadableStream(bytes).pipeThrough(transform),
    onError: (error) => new GzipFailed({ detail: error instanceof Error ? error.message : String(error) })
  })
