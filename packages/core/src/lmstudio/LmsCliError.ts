/** What can go wrong between us and the `lms` executable. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"
import type { CircuitOpen } from "../resilience/CircuitBreaker.ts"

/**
 * What went wrong with a call of `lms`. `detail` is a bounded tail of its stderr, without colours; for `NotInstalled` it
 * is what LMS_BRIDGE_LMS_BINARY says, if it is set.
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
          ? `LMS_BRIDGE_LMS_BINARY is "${this.detail}", but there is no such file. Correct it, or unset it to look in the usual places (or set it to \`none\` to do without \`lms\`).`
          : "The `lms` command was not found. It comes with LM Studio: run `~/.lmstudio/bin/lms bootstrap`, or set LMS_BRIDGE_LMS_BINARY to its path (or to `none` to do without it)."
      case "Disabled":
        return "The `lms` command is switched off by LMS_BRIDGE_LMS_BINARY=none. Unset that, or do it in LM Studio itself."
      case "BadArgument":
        return `${this.detail ?? "That argument"} cannot be passed to \`lms ${this.subcommand}\`: names must not begin with "-" or hold control characters.`
      case "Timeout":
        return `\`lms ${this.subcommand}\` did not finish in time and was stopped. \`lms-bridge models ps\` shows whether it did its work.`
      case "NotRunning":
        return `LM Studio is not running, so \`lms ${this.subcommand}\` can do nothing. Start LM Studio, or allow it with LMS_BRIDGE_AUTOSTART=true.${said}`
      case "Remote":
        return `\`lms ${this.subcommand}\` works on this machine only, but LM Studio is configured on another one. Do it there.`
      case "ModelNotFound":
        return `\`lms ${this.subcommand}\` knows no such model. \`lms-bridge models ls\` lists them.${said}`
      case "NotUnloaded":
        return `\`lms unload\` has ended, but this is still in memory: ${this.detail ?? ""}. Look at \`lms-bridge models ps\` and try again.`
      case "LoadRefused":
        return `LM Studio refuses to load the model, because it does not fit in memory. Unload other models, ask for a smaller context, or choose a smaller model.${said}`
      case "Output":
        return `\`lms ${this.subcommand}\` printed something unexpected.${said}`
      default:
        return `\`lms ${this.subcommand}\` failed.${said}`
    }
  }
}

export type LmsCallError = LmsCliError | CircuitOpen
