/**
 * How `lms load` is told which model is meant. By its key it matches fuzzily, and with `--yes` loads the first of what it
 * takes for alike; by its path, with `--exact`, it loads that model or none (contract F1).
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { LmsModel } from "../LmsModel.ts"
import type { LmsCallError } from "../LmsCliError.ts"

/**
 * Calls `use` with the path of the model. Without one where `lms ls` knows no single path for that key, where this `lms`
 * has no `--exact`, and where the path has moved since: none of these has loaded anything.
 */
export type ByPath = <A>(
  key: string,
  use: (path: string | undefined) => Effect.Effect<A, LmsCallError>
) => Effect.Effect<A, LmsCallError>

/** What `lms ls` says is remembered for the keys that were asked for. */
export const make = (ls: Effect.Effect<ReadonlyArray<LmsModel>, LmsCallError>): Effect.Effect<ByPath> =>
  Effect.gen(function* () {
    const known = yield* Ref.make<ReadonlyMap<string, string | undefined>>(new Map())
    const isTaken = yield* Ref.make(true)

    const pathOf = Effect.fnUntraced(function* (key: string) {
      if (!(yield* Ref.get(isTaken))) return undefined
      const before = yield* Ref.get(known)
      if (before.has(key)) return before.get(key)
      // the exact path is a help, no need: without it the key serves
      const listed = yield* Effect.either(ls)
      if (listed._tag === "Left") return undefined
      const path = onlyPath(listed.right, key)
      yield* Ref.update(known, (all) => new Map(all).set(key, path))
      return path
    })

    const byPath: ByPath = (key, use) =>
      Effect.flatMap(pathOf(key), (path) =>
        path === undefined
          ? use(undefined)
          : Effect.catchIf(use(path), isAboutThePath, (error) =>
              Effect.zipRight(
                isUnknownOption(error)
                  ? Ref.set(isTaken, false)
                  : Ref.update(known, (all) => new Map(all).set(key, undefined)),
                use(undefined)
              )
            )
      )
    return byPath
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Of this machine; a peer of LM Link may have a model of the same key. */
const onlyPath = (models: ReadonlyArray<LmsModel>, key: string): string | undefined => {
  const paths = models.flatMap(({ deviceIdentifier, modelKey, path }) =>
    modelKey === key && (deviceIdentifier ?? undefined) === undefined && path !== undefined ? [path] : []
  )
  return paths.length === 1 ? paths[0] : undefined
}

const isUnknownOption = (error: LmsCallError) =>
  error._tag === "LmsCliError" && error.reason === "Exit" && /unknown option '--exact'/.test(error.detail ?? "")

const isAboutThePath = (error: LmsCallError) =>
  isUnknownOption(error) ||
  (error._tag === "LmsCliError" &&
    error.reason === "ModelNotFound" &&
    /No model found with path/i.test(error.detail ?? ""))
