/**
 * Tells `lms load` which model is meant. It matches a key fuzzily and with `--yes` loads the first match; with a path
 * and `--exact`, it loads that very model or none (contract F1).
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { LmsModel } from "../LmsModel.ts"
import type { LmsCallError } from "../LmsCliError.ts"

/**
 * Calls `use` with the path of the model. Calls it without a path if `lms ls` lists no single path for that key, if
 * this `lms` has no `--exact`, or if the path has changed since: in none of these cases has anything been loaded.
 */
export type ByPath = <A>(
  key: string,
  use: (path: string | undefined) => Effect.Effect<A, LmsCallError>
) => Effect.Effect<A, LmsCallError>

/** The result of `lms ls` is cached for each requested key. */
export const make = (ls: Effect.Effect<ReadonlyArray<LmsModel>, LmsCallError>): Effect.Effect<ByPath> =>
  Effect.gen(function* () {
    const known = yield* Ref.make<ReadonlyMap<string, string | undefined>>(new Map())
    const hasExact = yield* Ref.make(true)

    const pathOf = Effect.fnUntraced(function* (key: string) {
      if (!(yield* Ref.get(hasExact))) return undefined
      const before = yield* Ref.get(known)
      if (before.has(key)) return before.get(key)
      // the exact path is optional: the key works without it
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
                  ? Ref.set(hasExact, false)
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

/** On this machine only; a peer of LM Link may have a model with the same key. */
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
