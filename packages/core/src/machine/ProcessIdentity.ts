/** Which process did something, so that others can tell whether it still lives. */
import * as Schema from "effect/Schema"

/**
 * A process: a random token, and where the system has `/proc`, its process id together with the id's name space and
 * the process's start, so that a process that was killed is known to be gone at once, also when its id is given again.
 */
export const ProcessIdentity = Schema.Struct({
  token: Schema.String,
  pid: Schema.optionalWith(Schema.String, { exact: true }),
  namespace: Schema.optionalWith(Schema.String, { exact: true }),
  started: Schema.optionalWith(Schema.String, { exact: true })
})
export type ProcessIdentity = typeof ProcessIdentity.Type
