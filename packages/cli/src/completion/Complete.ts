/**
 * Answers a shell that completes a line: a candidate on each line, with what it is after a tab, or `:files` and `:folders`
 * where the shell knows better. Fails never, and takes no longer than a person waits.
 */
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { ClientFiles, Imports } from "@lms-bridge/core/McpConfig"
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import { RunAccount, RunJournal } from "@lms-bridge/core/RunJournal"
import type * as Duration from "effect/Duration"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Program } from "../Program.ts"
import type * as StandIn from "../StandIn.ts"
import * as Words from "../views/Words.ts"
import * as Wanted from "./Wanted.ts"

/** The lines of the answer. `look` gives the services, which are built only for names. */
export const lines = <E, R>(
  commands: ReadonlyArray<Wanted.Command>,
  line: ReadonlyArray<string>,
  look: (
    names: Effect.Effect<ReadonlyArray<Wanted.Candidate>, never, Services>
  ) => Effect.Effect<ReadonlyArray<Wanted.Candidate>, E, R>
): Effect.Effect<ReadonlyArray<string>, never, R> => {
  const { before, begun, names, paths, words } = Wanted.of(commands, line)
  const found = names === undefined ? Effect.succeed([]) : look(lookUp(names)).pipe(Effect.orElseSucceed(() => []))
  return Effect.map(found, (named) => [
    ...[...words, ...named].flatMap(({ about, value }) => {
      const whole = Words.oneLine(`${before}${value}`)
      return value.toLowerCase().startsWith(begun.toLowerCase())
        ? [about === "" ? whole : `${whole}\t${Words.oneLine(about, 60)}`]
        : []
    }),
    ...(paths === undefined ? [] : [`:${paths}`])
  ])
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Services = StandIn.Services | FileSystem.FileSystem | Path.Path | Program

/** LM Studio may be off; the rest is in files of this machine. */
const patience = (names: Wanted.Names): Duration.DurationInput => (names._tag === "models" ? "300 millis" : "2 seconds")

const lookUp = (names: Wanted.Names): Effect.Effect<ReadonlyArray<Wanted.Candidate>, never, Services> =>
  found(names).pipe(
    Effect.timeout(patience(names)),
    Effect.orElseSucceed(() => [])
  )

const found = Effect.fnUntraced(function* (names: Wanted.Names) {
  switch (names._tag) {
    case "models": {
      const models = yield* Effect.flatMap(LmStudioApi, (api) => api.models)
      return models.map(({ key, params = "", type }) => ({ value: key, about: `${type} ${params}`.trim() }))
    }
    case "servers": {
      const servers = yield* Effect.flatMap(McpRegistry, (registry) => registry.servers)
      return servers.map(({ name, target }) => ({ value: name, about: target }))
    }
    case "offers": {
      const machine = yield* Effect.flatMap(Program, ({ platform }) => ClientFiles.machine(platform))
      const { found } = yield* Imports.offers(machine, "")
      return found.flatMap(({ itself, name, origin }) => (itself ? [] : [{ value: name, about: origin }]))
    }
    case "runs": {
      const runs = (yield* Effect.flatMap(RunJournal, (journal) => journal.list)).slice(0, 30)
      const named = runs.map(({ runId, status, task }) => ({ value: String(runId), about: `${status}: ${task}` }))
      return [{ value: "last", about: "the newest run" }, ...named]
    }
    case "tools":
      return yield* toolsOf(names.server)
  }
})

/** The tools of the newest runs: to ask the servers, they would have to be started. */
const toolsOf = Effect.fnUntraced(function* (server: string | undefined) {
  const journal = yield* RunJournal
  const newest = (yield* journal.list).slice(0, 8)
  const offered = yield* Effect.forEach(newest, ({ runId }) =>
    Effect.map(Effect.option(journal.read(runId)), (events) =>
      Option.match(Option.flatMap(events, RunAccount.of), {
        onNone: () => [],
        // those of the run itself cannot be chosen
        onSome: ({ state }) => state.offered.filter((name) => !/_artifact$|^(?:find_tools|call_tool)$/.test(name))
      })
    )
  )
  const all = [...new Set(offered.flat())]
  return all
    .filter((name) => server === undefined || !name.includes("__") || name.startsWith(`${server}__`))
    .map((name) => ({ value: server === undefined ? name : name.replace(`${server}__`, ""), about: "" }))
})
