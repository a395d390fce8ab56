/** Stored replies, to which `previous_response_id` refers on `/v1/responses` and `/api/v1/chat`. */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { PromptMessage } from "../../model/SimulatedModel.ts"

export interface ResponseHistory {
  readonly store: (id: string, messages: ReadonlyArray<PromptMessage>) => Effect.Effect<void>
  /** The conversation up to and including that reply, or `undefined`. */
  readonly find: (id: string) => Effect.Effect<ReadonlyArray<PromptMessage> | undefined>
  /** The effect of deleting the packs on disk. */
  readonly clear: Effect.Effect<void>
}

export const make: Effect.Effect<ResponseHistory> = Effect.map(
  Ref.make<ReadonlyMap<string, ReadonlyArray<PromptMessage>>>(new Map()),
  (ref) => ({
    store: (id, messages) => Ref.update(ref, (stored) => new Map(stored).set(id, messages)),
    find: (id) => Effect.map(Ref.get(ref), (stored) => stored.get(id)),
    clear: Ref.set(ref, new Map())
  })
)
