/** Which host a request goes to. Pure. */

export interface Candidate {
  readonly weight: number
  /** Whether the model is in its memory, or is being loaded there for us. */
  readonly resident: boolean
  /** How many requests of this process it works for now. */
  readonly active: number
  /** How many it takes at a time before another host is better, even one that has to load the model. */
  readonly slots: number
}

/**
 * The order in which to try them: where the model is resident and there is a free slot; else one with a free slot, which
 * has to load it; else where it is resident, whatever the queue. Among equals the shortest queue for its weight. `draw`
 * (0..1 each) decides between hosts that are alike.
 */
export const inOrder = <C extends Candidate>(
  candidates: ReadonlyArray<C>,
  draw: () => number = () => 0
): ReadonlyArray<C> =>
  candidates
    .map((candidate) => ({
      candidate,
      rank: rankOf(candidate),
      queue: candidate.active / candidate.weight,
      lot: draw()
    }))
    .toSorted(
      (left, right) =>
        left.rank - right.rank ||
        left.queue - right.queue ||
        right.candidate.weight - left.candidate.weight ||
        left.lot - right.lot
    )
    .map(({ candidate }) => candidate)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const rankOf = ({ active, resident, slots }: Candidate) => (active < slots ? (resident ? 0 : 1) : resident ? 2 : 3)
