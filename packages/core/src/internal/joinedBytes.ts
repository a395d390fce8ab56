/**
 * Pieces of bytes as one.
 */

/**
 * `size` is that of all pieces together, which whoever collects them has counted.
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
