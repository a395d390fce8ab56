/**
 * Concatenates chunks of bytes.
 */

/**
 * `size` is the total size of the chunks, which the caller has already counted.
 *
 * @internal
 */
export const joinedBytes = (pieces: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const whole = new Uint8Array(size)
  let offset = 0
  for (const piece of pieces) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}
