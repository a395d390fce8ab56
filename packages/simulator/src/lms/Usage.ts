/** Parses command lines like `lms` (commander 12): declared options, and usage errors in commander's words. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** `lms` prints this text on stderr and exits with code 1. */
export class UsageError extends Schema.TaggedError<UsageError>()("SimulatedUsageError", { text: Schema.String }) {
  readonly retryable = false
  override get message() {
    return this.text
  }
}

export interface Option {
  /** With its dashes, for example `--ttl`. */
  readonly long: string
  readonly short?: string
  /** How the help shows the value; a flag has none. */
  readonly value?: string
  /** Year and month of its introduction. */
  readonly since?: number
  /** Year and month of its removal. */
  readonly until?: number
  /** Returns what is wrong with a value, or undefined. */
  readonly check?: (value: string) => string | undefined
}

export interface CommandShape {
  readonly name: string
  readonly argument?: { readonly name: string; readonly required: boolean }
  readonly options: ReadonlyArray<Option>
}

export interface Parsed {
  readonly argument: string | undefined
  readonly flags: ReadonlySet<string>
  readonly values: ReadonlyMap<string, string>
}

/** The checks of the commander parsers in `lms`. */
export const integerAtLeast =
  (least: number) =>
  (value: string): string | undefined => {
    if (!/^[+-]?\d+(\.\d+)?$/.test(value)) return "Not a number"
    if (!Number.isInteger(Number(value))) return "Not an integer"
    return Number(value) < least ? `Number out of range, must be at least ${least}` : undefined
  }

export const gpuRatio = (value: string): string | undefined => {
  if (value === "off" || value === "max") return undefined
  if (!/^[+-]?\d+(\.\d+)?$/.test(value)) return "Not a number"
  return Number(value) < 0 || Number(value) > 1 ? "Number out of range, must be between 0 and 1" : undefined
}

export const logOptions: ReadonlyArray<Option> = [
  { long: "--log-level", value: "<level>" },
  { long: "--quiet" },
  { long: "--verbose" }
]

export const hostOptions: ReadonlyArray<Option> = [
  { long: "--host", value: "<host>" },
  { long: "--port", value: "<port>", check: integerAtLeast(0) }
]

/** Parses `argv` (without the command's own name), as of the given year and month. */
export const parse = (
  shape: CommandShape,
  argv: ReadonlyArray<string>,
  cliSince: number
): Effect.Effect<Parsed, UsageError> => {
  const known = shape.options.filter(
    (option) => (option.since ?? 0) <= cliSince && (option.until === undefined || option.until > cliSince)
  )
  const flags = new Set<string>()
  const values = new Map<string, string>()
  const rest: Array<string> = []
  const words = argv.flatMap(spread(known))
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? ""
    if (word === "--") {
      rest.push(...words.slice(index + 1))
      break
    }
    if (!word.startsWith("-") || word === "-") {
      rest.push(word)
      continue
    }
    const option = known.find((candidate) => candidate.long === word || candidate.short === word)
    if (option === undefined) return usage(`error: unknown option '${word}'`)
    if (option.value === undefined) {
      flags.add(option.long)
      continue
    }
    index += 1
    const value = words[index]
    if (value === undefined) return usage(`error: option '${shown(option)}' argument missing`)
    const wrong = option.check?.(value)
    if (wrong !== undefined) {
      return usage(`error: option '${shown(option)}' argument '${value}' is invalid. ${wrong}`)
    }
    values.set(option.long, value)
  }
  const [argument] = rest
  if (argument === undefined && shape.argument?.required === true) {
    return usage(`error: missing required argument '${shape.argument.name}'`)
  }
  const most = shape.argument === undefined ? 0 : 1
  if (rest.length > most) {
    return usage(
      `error: too many arguments for '${shape.name}'. Expected ${most} argument${most === 1 ? "" : "s"} but got ${rest.length}.`
    )
  }
  return exclusive(flags, values, argument)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const usage = (text: string) => Effect.fail(new UsageError({ text }))

const shown = (option: Option) =>
  `${option.short === undefined ? "" : `${option.short}, `}${option.long} ${option.value ?? ""}`.trim()

// `--long=value`, `-xVALUE` and `-yc 4096` as separate words.
const spread =
  (known: ReadonlyArray<Option>) =>
  (word: string): ReadonlyArray<string> => {
    if (word.startsWith("--")) {
      const at = word.indexOf("=")
      return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)]
    }
    if (!word.startsWith("-") || word.length <= 2) return [word]
    const first = known.find((option) => option.short === word.slice(0, 2))
    if (first === undefined) return [word]
    return first.value === undefined
      ? [word.slice(0, 2), ...spread(known)(`-${word.slice(2)}`)]
      : [word.slice(0, 2), word.slice(2)]
  }

const exclusive = (
  flags: ReadonlySet<string>,
  values: ReadonlyMap<string, string>,
  argument: string | undefined
): Effect.Effect<Parsed, UsageError> => {
  const chosen = [values.has("--log-level"), flags.has("--quiet"), flags.has("--verbose")].filter(Boolean)
  return chosen.length > 1
    ? usage("Error: Only one of the options --quiet, --verbose, or --log-level can be specified at a time.")
    : Effect.succeed({ argument, flags, values })
}
