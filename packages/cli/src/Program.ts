/**
 * This program as others may start it.
 */
import * as Context from "effect/Context"

export class Program extends Context.Tag("@lms-bridge/cli/Program")<
  Program,
  {
    /** As Node names the system: `win32`, `darwin`, `linux`, … */
    readonly platform: string
    /** The Node that runs it, as an absolute path. */
    readonly node: string
    /** Its own file, which may be a link. */
    readonly file: string
  }
>() {}
