/** What is done about a load after which LM Studio is not as it was asked to be. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ModelLoadFailed } from "../../lmstudio/LmStudioError.ts"
import type { LifecycleParts, Seen } from "./LifecycleParts.ts"
import type { LoadOrder } from "./LoadOrder.ts"
import type { LoadWay } from "../Ensured.ts"
import { remove as removeInstance } from "./Unloading.ts"

/**
 * Unloads what came into memory instead of, or beside, what was ordered, where it is plain that this was our doing: it
 * was not there before, is idle, and is our own entry or has the TTL that we gave. What another load of ours brought in
 * meanwhile is no mistake.
 */
export const remove = (
  parts: LifecycleParts,
  order: LoadOrder,
  way: LoadWay,
  mistakes: ReadonlyArray<Seen>
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const entries = yield* parts.ledger.all
    const gone: Array<string> = []
    for (const { instance, model } of mistakes) {
      const entry = entries.find(({ instanceId }) => instanceId === instance.id)
      const mistaken =
        model.key === order.model.key
          ? entry !== undefined || (way !== "rest" && instance.ttlMillis === Duration.toMillis(order.ttl))
          : entry?.model !== model.key && way !== "rest" && instance.ttlMillis === Duration.toMillis(order.ttl)
      if (!mistaken || instance.busy === true) continue
      const done = yield* parts.leases
        .claim(
          { id: instance.id, model: model.key },
          { despiteIntents: model.key === order.model.key }
        )(removeInstance(parts, instance.id))
        .pipe(Effect.option)
      if (Option.isSome(Option.flatten(done))) gone.push(instance.id)
    }
    if (gone.length > 0) yield* Effect.logWarning("unloaded what was loaded by mistake", { asked: order.name, gone })
    return gone
  })

/** The load that was none, with the facts. */
export const notVerified = (order: LoadOrder, seen: ReadonlyArray<Seen>, gone: ReadonlyArray<string>) => {
  const listed = seen.map(({ instance, model }) =>
    [instance.id, model.key === instance.id ? "" : ` (${model.key})`, contextOf(instance.contextLength)].join("")
  )
  return new ModelLoadFailed({
    model: order.model.key,
    reason: "NotVerified",
    serverMessage: `the load was reported as done, but in memory ${
      listed.length === 0 ? "there is nothing" : `are: ${listed.join(", ")}`
    }${order.contextLength === undefined ? "" : `; asked for${contextOf(order.contextLength)}`}${
      gone.length === 0 ? "" : `; unloaded again: ${gone.join(", ")}`
    }`
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const contextOf = (tokens: number | undefined) => (tokens === undefined ? "" : ` with a context of ${tokens}`)
