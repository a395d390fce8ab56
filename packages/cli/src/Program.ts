/**
 * How others can start this program.
 */
import * as Context from "effect/Context"

export class Program extends Context.Tag("@lms-bridge/cli/Program")<
  Program,
  {
    /** The platform as Node names it: `win32`, `darwin`, `linux`, … */
    readonly platform: string
    /** The absolute path of Node. */
    readonly node: string
    /** The program's file, which may be a link. */
    readonly file: string
  }
>() {}
