/** Identifies the process that did something, so that others can tell whether it is still alive. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

/**
 * A process: a random token and, if the system has `/proc`, its process id with the id's namespace and the process's
 * start time. With these a killed process is known to be gone at once, even when its id is reused.
 */
export const ProcessIdentity = Schema.Struct({
  token: Schema.String,
  pid: optional(Schema.String),
  namespace: optional(Schema.String),
  started: optional(Schema.String)
})
export type ProcessIdentity = typeof ProcessIdentity.Type
