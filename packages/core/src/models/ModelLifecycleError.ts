/** Why an instance was not unloaded, or is still in memory. */
import * as Schema from "effect/Schema"
import type { ApiError } from "../lmstudio/LmStudioError.ts"
import type { LmsCallError } from "../lmstudio/LmsCliError.ts"
import type { ModelUnfit } from "./ModelUnfit.ts"

/** The instance is busy or leased, or a user loaded it, so it was left alone. */
export class ModelInUse extends Schema.TaggedError<ModelInUse>()("ModelInUse", {
  instanceId: Schema.String,
  reason: Schema.Literal("Busy", "Leased", "UserLoaded")
}) {
  get retryable() {
    return this.reason !== "UserLoaded"
  }
  override get message() {
    switch (this.reason) {
      case "Busy":
        return `"${this.instanceId}" is answering a request. Wait until it is idle, or use --force.`
      case "Leased":
        return `"${this.instanceId}" is held by a run. Wait until the run ends, or use --force.`
      case "UserLoaded":
        return `"${this.instanceId}" was not loaded by lms-bridge, so it is left as it is. Use --force to unload it anyway.`
    }
  }
}

/** The instance was unloaded, but is still listed. */
export class UnloadNotVerified extends Schema.TaggedError<UnloadNotVerified>()("UnloadNotVerified", {
  instanceId: Schema.String
}) {
  readonly retryable = true
  override get message() {
    return `LM Studio still lists "${this.instanceId}" after unloading it. Check \`lms-bridge models ps\` and try again.`
  }
}

export type ModelLifecycleError = ApiError | LmsCallError | ModelInUse | ModelUnfit | UnloadNotVerified
