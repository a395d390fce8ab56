/** The `lms` program as a function of its arguments over the simulated machine; both front ends run it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Outcome } from "../Faults.ts"
import * as Get from "./Get.ts"
import * as Language from "./Language.ts"
import * as Log from "./Log.ts"
import * as Listings from "./Listings.ts"
import * as Load from "./Load.ts"
import * as Server from "./Server.ts"
import type { Command, Session } from "./Session.ts"
import * as Unload from "./Unload.ts"
import type { CommandShape } from "./Usage.ts"
import { parse, UsageError } from "./Usage.ts"
import type { Terminal } from "./Terminal.ts"
import type { World } from "../World.ts"

/** Runs one `lms` to its end and returns its exit code. Interruption has the effect of a killing signal. */
export const run = Effect.fnUntraced(function* (world: World, terminal: Terminal) {
  const amend = yield* world.recorder.command(terminal.argv)
  const found = commandOf(terminal.argv)
  const outcome = yield* world.faults.next(`lms ${found.name}`)
  const code = yield* withOutcome(world, outcome, perform(world, terminal, found), terminal).pipe(
    Effect.onInterrupt(() => amend({ killed: true }))
  )
  yield* amend({ exitCode: code })
  return code
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const commands: Readonly<Record<string, Command>> = {
  load: Load.load,
  unload: Unload.unload,
  ps: Listings.ps,
  ls: Listings.ls,
  get: Get.get,
  "log stream": Log.logStream,
  "server start": Server.serverStart,
  "server stop": Server.serverStop,
  "server status": Server.serverStatus,
  "daemon up": Server.daemonUp,
  "daemon down": Server.daemonDown,
  "daemon status": Server.daemonStatus,
  status: Server.status,
  version: Server.version
}

/** Existing subcommands that are not simulated, because nothing in this project calls them. */
const notSimulated = new Set(
  "chat import runtime link flags bootstrap login logout whoami clone push dev create".split(" ")
)

const groups = new Set(["server", "daemon", "log", "runtime", "link"])

interface Found {
  readonly name: string
  readonly command: Command | undefined
  readonly rest: ReadonlyArray<string>
}

const commandOf = (argv: ReadonlyArray<string>): Found => {
  const [first = "", second = ""] = argv
  const name = groups.has(first) && !second.startsWith("-") && second !== "" ? `${first} ${second}` : first
  return {
    name,
    command: Object.hasOwn(commands, name) ? commands[name] : undefined,
    rest: argv.slice(name === "" ? 0 : name.split(" ").length)
  }
}

const perform = (world: World, terminal: Terminal, found: Found): Effect.Effect<number> =>
  Effect.gen(function* () {
    const settings = yield* world.state.settings
    const out = (line: string) => terminal.out(`${line}\n`)
    const language = terminal.language ?? settings.language
    const err = (line: string) => terminal.err(`${Language.said(line, language)}\n`)
    if (terminal.argv.some((word) => word === "-v" || word === "--version")) {
      yield* out(`CLI commit: ${settings.cliCommit}`)
      return 0
    }
    if (["", "help", "--help", "-h"].includes(terminal.argv[0] ?? "")) {
      yield* out(overview(settings.cliSince))
      return 0
    }
    if (notSimulated.has(terminal.argv[0] ?? "")) {
      const text = `lms ${terminal.argv.join(" ")} exists, but the simulator does not play it.`
      yield* world.recorder.problem(text)
      yield* err(`Error: ${text}`)
      return 1
    }
    if (found.command === undefined || found.command.since > settings.cliSince) {
      const word = found.name.split(" ").at(-1) ?? ""
      return yield* new UsageError({
        text: word.startsWith("-") ? `error: unknown option '${word}'` : `error: unknown command '${word}'`
      })
    }
    if (found.rest.some((word) => word === "--help" || word === "-h")) {
      yield* out(helpOf(found.name, found.command.shape))
      return 0
    }
    const parsed = yield* parse(found.command.shape, found.rest, settings.cliSince)
    const session: Session = { world, terminal, parsed, settings, out, err }
    return yield* found.command.run(session)
  }).pipe(
    Effect.catchTags({
      SimulatedExit: (exit) => Effect.succeed(exit.code),
      SimulatedUsageError: (error) =>
        world.recorder.usageError(terminal.argv).pipe(Effect.zipRight(terminal.err(`${error.text}\n`)), Effect.as(1))
    })
  )

/** The commands that this `lms` has. */
const overview = (since: number): string =>
  [
    "Usage: lms [options] [command]",
    "",
    "Commands:",
    ...Object.entries(commands)
      .filter(([, command]) => command.since <= since)
      .map(([name, { shape }]) => `  ${name}${shape.argument === undefined ? "" : ` [${shape.argument.name}]`}`)
  ].join("\n")

const helpOf = (name: string, shape: CommandShape): string =>
  [
    `Usage: lms ${name} [options]${shape.argument === undefined ? "" : ` [${shape.argument.name}]`}`,
    "",
    "Options:",
    ...shape.options.map((option) => `  ${option.long}${option.value === undefined ? "" : ` ${option.value}`}`)
  ].join("\n")

const withOutcome = (
  world: World,
  outcome: Outcome,
  work: Effect.Effect<number>,
  terminal: Terminal
): Effect.Effect<number> => {
  switch (outcome._tag) {
    case "Ok":
      return work
    case "Slow":
      return Effect.zipRight(Effect.sleep(Duration.millis(outcome.ms)), work)
    case "Hang":
    case "Stall":
      return Effect.never
    case "NeverExits":
      return Effect.zipRight(work, Effect.never)
    case "IgnoresSigterm":
      return terminal.ignoreSignals.pipe(Effect.zipRight(work), Effect.zipRight(Effect.never))
    case "Garbage":
      return Effect.as(terminal.out(outcome.body), 0)
    case "Exit":
      return terminal
        .out(outcome.stdout ?? "")
        .pipe(Effect.zipRight(terminal.err(outcome.stderr ?? "")), Effect.as(outcome.code))
    case "HttpError":
    case "Cut":
    case "ConnectionRefused":
    case "Reset":
    case "DropReply":
      return Effect.zipRight(
        world.recorder.problem(`The outcome ${outcome._tag} is for HTTP routes; lms cannot have it.`),
        Effect.as(terminal.err(`Error: the simulator cannot make lms ${outcome._tag}\n`), 1)
      )
  }
}
