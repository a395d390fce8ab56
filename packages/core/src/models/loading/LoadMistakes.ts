/** Cleans up after a load that did not do what was requested. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ModelLoadFailed } from "../../lmstudio/LmStudioError.ts"
import type { LifecycleParts, Seen } from "./LifecycleParts.ts"
import type { LoadPlan } from "./LoadPlan.ts"
import type { LoadWay } from "../Ensured.ts"
import { remove as removeInstance } from "./Unloading.ts"

/**
 * Unloads what was loaded instead of, or beside, the requested model, if it was clearly our doing: it was not there before,
 * is idle, and has an entry of ours or the TTL that we set. What another load of ours loaded meanwhile is not a mistake.
 */
export const remove = (
  parts: LifecycleParts,
  plan: LoadPlan,
  way: LoadWay,
  mistakes: ReadonlyArray<Seen>
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const entries = yield* parts.ledger.all
    const gone: Array<string> = []
    for (const { instance, model } of mistakes) {
      const entry = entries.find(({ instanceId }) => instanceId === instance.id)
      const mistaken =
        model.key === plan.model.key
          ? entry !== undefined || (way !== "rest" && instance.ttlMillis === Duration.toMillis(plan.ttl))
          : entry?.model !== model.key && way !== "rest" && instance.ttlMillis === Duration.toMillis(plan.ttl)
      if (!mistaken || instance.busy === true) continue
      const done = yield* parts.leases
        .claim(
          { id: instance.id, model: model.key },
          { despiteIntents: model.key === plan.model.key }
        )(removeInstance(parts, instance.id, "mistake"))
        .pipe(Effect.option)
      if (Option.isSome(Option.flatten(done))) gone.push(instance.id)
    }
    if (gone.length > 0)
      yield* Effect.logWarning("unloaded models that were loaded by mistake", { asked: plan.name, gone })
    return gone
  })

/** The error for a load that was reported as done but is not in memory as requested. */
export const notVerified = (plan: LoadPlan, seen: ReadonlyArray<Seen>, gone: ReadonlyArray<string>) => {
  const listed = seen.map(({ instance, model }) =>
    [instance.id, model.key === instance.id ? "" : ` (${model.key})`, contextOf(instance.contextLength)].join("")
  )
  return new ModelLoadFailed({
    model: plan.model.key,
    reason: "NotVerified",
    serverMessage: `the load was reported as done, but ${
      listed.length === 0 ? "nothing is in memory" : `in memory are: ${listed.join(", ")}`
    }${plan.contextLength === undefined ? "" : `; it was requested${contextOf(plan.contextLength)}`}${
      gone.length === 0 ? "" : `; unloaded again: ${gone.join(", ")}`
    }`
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const contextOf = (tokens: number | undefined) => (tokens === undefined ? "" : ` with a context of ${tokens}`)
