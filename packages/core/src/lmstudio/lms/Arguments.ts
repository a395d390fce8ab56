/**
 * The argument lists of the `lms` subcommands. A value that `lms` could mistake for an option, or that contains control
 * characters, is refused here, before any process starts.
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import type { LmsLoad } from "../LmsModel.ts"

/** Arguments after the executable, or what is wrong with a value. */
export type Arguments = Either.Either<ReadonlyArray<string>, string>

/** `lms` accepts `-v` and `--version` anywhere in its arguments, and then prints its version and does nothing else. */
export const checkName = (what: string, name: string): Either.Either<string, string> => {
  if (name.trim() === "") return Either.left(`An empty ${what}`)
  if (name.startsWith("-")) return Either.left(`The ${what} ${JSON.stringify(name)}`)
  return /[\u0000-\u001f\u007f-\u009f]/.test(name)
    ? Either.left(`The ${what} ${JSON.stringify(name)}`)
    : Either.right(name)
}

/**
 * `lms load KEY --yes --ttl S …`: never without a TTL (contract E), never without `--yes`, because it would prompt
 * (F1). If the model's path is known, it is `lms load PATH --exact …`.
 */
export const load = (options: LmsLoad, path?: string): Arguments =>
  Either.gen(function* () {
    const model = yield* modelOf(options.key, path)
    const ttl = yield* wholeNumber("TTL in seconds", Math.max(1, Math.ceil(Duration.toSeconds(options.ttl))))
    const shape = yield* loadShape(options)
    const parallel =
      options.parallel === undefined ? [] : ["--parallel", yield* wholeNumber("parallel", options.parallel)]
    const identifier =
      options.identifier === undefined ? [] : ["--identifier", yield* checkName("identifier", options.identifier)]
    return ["load", ...model, "--yes", "--ttl", ttl, ...shape, ...parallel, ...identifier]
  })

/** `lms load KEY --estimate-only --yes …`. */
export const estimate = (options: Pick<LmsLoad, "key" | "contextLength" | "gpu">, path?: string): Arguments =>
  Either.gen(function* () {
    const model = yield* modelOf(options.key, path)
    return ["load", ...model, "--estimate-only", "--yes", ...(yield* loadShape(options))]
  })

/** `lms unload ID`. There is no `--yes`. */
export const unload = (identifier: string): Arguments =>
  Either.map(checkName("identifier", identifier), (checked) => ["unload", checked])

/** `lms get NAME --yes`. */
export const get = (name: string): Arguments =>
  Either.map(checkName("model name", name), (checked) => ["get", checked, "--yes"])

/** `lms server start [--port N]`. */
export const serverStart = (port: number | undefined): Arguments => {
  if (port === undefined) return Either.right(["server", "start"])
  return Number.isInteger(port) && port > 0 && port < 65536
    ? Either.right(["server", "start", "--port", String(port)])
    : Either.left(`The port ${port}`)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const modelOf = (key: string, path: string | undefined): Arguments =>
  Either.flatMap(checkName("model name", key), (checked): Arguments =>
    path === undefined
      ? Either.right([checked])
      : Either.map(checkName("model path", path), (exact) => [exact, "--exact"])
  )

const loadShape = ({ contextLength, gpu }: Pick<LmsLoad, "contextLength" | "gpu">): Arguments =>
  Either.gen(function* () {
    return [
      ...(contextLength === undefined ? [] : ["--context-length", yield* wholeNumber("context length", contextLength)]),
      ...(gpu === undefined ? [] : ["--gpu", yield* gpuShare(gpu)])
    ]
  })

const wholeNumber = (what: string, value: number): Either.Either<string, string> =>
  Number.isSafeInteger(value) && value >= 1 ? Either.right(String(value)) : Either.left(`The ${what} ${value}`)

const gpuShare = (gpu: "off" | "max" | number): Either.Either<string, string> =>
  typeof gpu === "string" || (gpu >= 0 && gpu <= 1) ? Either.right(String(gpu)) : Either.left(`The GPU share ${gpu}`)
