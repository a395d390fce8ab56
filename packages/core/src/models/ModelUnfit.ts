/** What not every model can do, and the error of a model that cannot do what is asked of it. */
import * as Schema from "effect/Schema"
import { serverSaid } from "../lmstudio/words/saidByServer.ts"
import { optional } from "../schema/Fields.ts"

export const Ability = Schema.Literal("chat", "vision", "embedding")
export type Ability = typeof Ability.Type

/** The named model cannot do it, or no model on this machine can. */
export class ModelUnfit extends Schema.TaggedError<ModelUnfit>()("ModelUnfit", {
  ability: Ability,
  /** The named model; absent when none was named. */
  model: optional(Schema.String),
  /** Why none of the models fits that `auto` could take. */
  lacks: optional(Schema.String),
  /** What the server said to the attempt, where it lists the model as one that can. */
  said: optional(Schema.String),
  /** The models that can, loaded ones first. */
  suited: Schema.Array(Schema.Struct({ model: Schema.String, loaded: Schema.Boolean }))
}) {
  readonly retryable = false
  override get message() {
    if (this.lacks !== undefined)
      return `No model fits this: ${this.lacks}. Name one with --model (model), or load another.`
    if (this.said !== undefined)
      return `"${this.model}" is listed as a model that can ${words[this.ability]}, and refuses.${serverSaid(this.said)}`
    const does = words[this.ability]
    const why = this.ability === "chat" ? " is an embedding model and" : ""
    const what = this.model === undefined ? "" : `"${this.model}"${why} cannot ${does}. `
    if (this.suited.length === 0) return `${what}No model on this machine can ${does}. Download one in LM Studio.`
    const list = this.suited.slice(0, 5).map(({ loaded, model }) => (loaded ? `${model} (loaded)` : model))
    return `${what}These can: ${list.join(", ")}.`
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const words = { chat: "chat", vision: "see images", embedding: "embed texts" }
