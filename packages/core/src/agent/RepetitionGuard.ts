/**
 * Notices a reply that has begun to repeat itself without end, as small models do, while it streams in.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface RepetitionGuard {
  /** Takes the next piece; true once the end of the text is nothing but the same piece again and again. */
  readonly push: (piece: string) => boolean
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (): RepetitionGuard => {
  let tail = ""
  let unchecked = 0
  return {
    push: (piece) => {
      tail = (tail + piece).slice(-watched)
      unchecked += piece.length
      if (unchecked < checkedEvery || tail.length < watched) return false
      unchecked = 0
      return isPeriodic(tail)
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A table or a ruled line repeats itself, too, but not for so many characters. */
const watched = 2400
const checkedEvery = 600
const longestPeriod = 200

const isPeriodic = (text: string): boolean => {
  for (let period = 1; period <= longestPeriod; period++) {
    let index = text.length - 1
    while (index >= period && text[index] === text[index - period]) index--
    if (index < period) return true
  }
  return false
}
