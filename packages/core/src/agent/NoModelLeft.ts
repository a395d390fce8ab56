/** No model of a task with several can be had. Each is named with its reason. */
import * as Schema from "effect/Schema"

export class NoModelLeft extends Schema.TaggedError<NoModelLeft>()("NoModelLeft", {
  tried: Schema.Array(Schema.Struct({ model: Schema.String, reason: Schema.String }))
}) {
  readonly retryable = false
  override get message() {
    return ["No model of the task is left.", ...this.tried.map(({ model, reason }) => `${model}: ${reason}`)].join(" ")
  }
}
