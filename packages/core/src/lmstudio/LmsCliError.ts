/** What can go wrong between us and the `lms` executable. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"
import type { CircuitOpen } from "../resilience/CircuitBreaker.ts"

/**
 * A failed call of `lms`. `detail` is the end of its stderr, limited in length and without colours; for `NotInstalled`
 * it is the value of LMS_BRIDGE_LMS_BINARY, if that is set.
 */
export class LmsCliError extends Schema.TaggedError<LmsCliError>()("LmsCliError", {
  reason: Schema.Literal(
    "NotInstalled",
    "Disabled",
    "BadArgument",
    "Spawn",
    "Exit",
    "Timeout",
    "Output",
    "ModelNotFound",
    "NotUnloaded",
    "LoadRefused",
    "NotRunning",
    "Remote"
  ),
  subcommand: Schema.String,
  exitCode: optional(Schema.Number),
  detail: optional(Schema.String),
  cause: optional(Schema.Defect)
}) {
  get retryable() {
    return this.reason === "Timeout" || this.reason === "Spawn"
  }
  /** Whether it counts on the breaker. */
  get farSideFault() {
    return this.reason === "Timeout" || this.reason === "Spawn"
  }
  override get message() {
    const said = this.detail === undefined || this.detail === "" ? "" : ` It said: ${this.detail}`
    switch (this.reason) {
      case "NotInstalled":
        return this.detail !== undefined
          ? `LMS_BRIDGE_LMS_BINARY is "${this.detail}", but there is no such file. Correct it, unset it to search the usual places, or set it to \`none\` to work without \`lms\`.`
          : "The `lms` command was not found. It comes with LM Studio: run `~/.lmstudio/bin/lms bootstrap`, or set LMS_BRIDGE_LMS_BINARY to its path (or to `none` to work without it)."
      case "Disabled":
        return "The `lms` command is switched off by LMS_BRIDGE_LMS_BINARY=none. Unset it, or do this in LM Studio itself."
      case "BadArgument":
        return `${this.detail ?? "That argument"} cannot be passed to \`lms ${this.subcommand}\`: names must not begin with "-" or contain control characters.`
      case "Timeout":
        return `\`lms ${this.subcommand}\` did not finish in time and was stopped. \`lms-bridge models ps\` shows whether it succeeded.`
      case "NotRunning":
        return `LM Studio is not running, so \`lms ${this.subcommand}\` cannot work. Start LM Studio, or let lms-bridge start it with LMS_BRIDGE_AUTOSTART=true.${said}`
      case "Remote":
        return `\`lms ${this.subcommand}\` works only on this machine, but LM Studio is configured on another one. Run it there.`
      case "ModelNotFound":
        return `\`lms ${this.subcommand}\` knows no such model. \`lms-bridge models ls\` lists them.${said}`
      case "NotUnloaded":
        return `\`lms unload\` has finished, but this is still in memory: ${this.detail ?? ""}. Look at \`lms-bridge models ps\` and try again.`
      case "LoadRefused":
        return `LM Studio refused to load the model because it does not fit in memory. Unload other models, ask for a smaller context, or choose a smaller model.${said}`
      case "Output":
        return `\`lms ${this.subcommand}\` printed something unexpected.${said}`
      default:
        return `\`lms ${this.subcommand}\` failed.${said}`
    }
  }
}

export type LmsCallError = LmsCliError | CircuitOpen
