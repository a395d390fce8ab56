/**
 * What the exit code of an engine tells, as LM Studio writes it: a signal, a Windows status, or one of those seen as an
 * unsigned number of 64 bits and rounded (`18446744072635812000`).
 */

/** The code that a text names, with all its digits; undefined where it names none. `null` and words are kept, too. */
export const exitCodeIn = (text: string): string | undefined => {
  const written = /\bexit(?:ed with)? ?code[:=]?\s*([-+\w][^\s(),;]{0,39})/i.exec(text)?.[1]
  return written?.replace(/\.$/, "")
}

/** What is known of such a code; undefined where nothing is, or where rounding leaves several to choose from. */
export const exitCodeMeaning = (written: string): string | undefined => {
  const code = wholeNumber(written)
  if (code === undefined) return undefined
  const signal = signals.get(code)
  if (signal !== undefined) return signal
  const exact = statuses.find(({ status }) => views(status).includes(code))
  if (exact !== undefined) return exact.meaning
  // a number that has gone through a double has lost its last digits
  const near = statuses.filter(({ status }) => views(status).some((view) => Number(view) === Number(code)))
  const [only] = near
  return near.length === 1 ? only?.meaning : undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const wholeNumber = (written: string): bigint | undefined =>
  /^-?\d{1,40}$|^0x[\da-f]{1,16}$/i.test(written) ? BigInt(written) : undefined

/** A status of 32 bits as it is, as a negative number, and as the unsigned view of that in 64 bits. */
const views = (status: bigint): ReadonlyArray<bigint> => [
  status,
  BigInt.asIntN(32, status),
  BigInt.asUintN(64, BigInt.asIntN(32, status))
]

const killed = "the system ended the engine, as it does when memory runs out"
const aborted = "the engine gave up by itself, often because it got no memory"
const unreadable = "the engine read memory that is not its own"
const illegal = "the processor lacks an instruction that this runtime uses"

/** Also as a shell tells them, with 128 added. */
const signals: ReadonlyMap<bigint, string> = new Map(
  (
    [
      [4n, illegal],
      [6n, aborted],
      [9n, killed],
      [11n, unreadable]
    ] as const
  ).flatMap(([signal, meaning]) => [
    [signal, meaning],
    [signal + 128n, meaning]
  ])
)

const statuses: ReadonlyArray<{ readonly status: bigint; readonly meaning: string }> = [
  { status: 0xc0000005n, meaning: unreadable },
  { status: 0xc0000017n, meaning: "there was not enough memory" },
  { status: 0xc000001dn, meaning: illegal },
  { status: 0xc00000fdn, meaning: "the engine's stack was full" },
  { status: 0xc0000135n, meaning: "a library that the runtime needs is missing" },
  { status: 0xc0000142n, meaning: "a library that the runtime needs did not start" },
  { status: 0xc0000409n, meaning: aborted }
]
