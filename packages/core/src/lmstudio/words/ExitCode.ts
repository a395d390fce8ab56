/**
 * The meaning of an engine's exit code, as LM Studio writes it: a signal, a Windows status, or one of those as an
 * unsigned 64-bit number, rounded (`18446744072635812000`).
 */

/** The code in a text, with all its digits; undefined where there is none. `null` and words are kept too. */
export const exitCodeIn = (text: string): string | undefined => {
  const written = /\bexit(?:ed with)? ?code[:=]?\s*([-+\w][^\s(),;]{0,39})/i.exec(text)?.[1]
  return written?.replace(/\.$/, "")
}

/** The meaning of a code; undefined where it is unknown, or where rounding leaves several candidates. */
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

/** A 32-bit status as it is, as a negative number, and as the unsigned 64-bit view of that. */
const views = (status: bigint): ReadonlyArray<bigint> => [
  status,
  BigInt.asIntN(32, status),
  BigInt.asUintN(64, BigInt.asIntN(32, status))
]

const killed = "the system killed the engine, as it does when memory runs out"
const aborted = "the engine aborted, often because it got no memory"
const unreadable = "the engine accessed memory that it does not own"
const illegal = "the processor lacks an instruction that this runtime uses"

/** Also with 128 added, as a shell reports them. */
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
  { status: 0xc00000fdn, meaning: "the engine's stack overflowed" },
  { status: 0xc0000135n, meaning: "a library that the runtime needs is missing" },
  { status: 0xc0000142n, meaning: "a library that the runtime needs did not start" },
  { status: 0xc0000409n, meaning: aborted }
]
