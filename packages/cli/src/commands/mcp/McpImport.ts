/**
 * `mcp import`: takes the servers of the MCP clients on this machine over into the user's mcp.json.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import { ClientFileError, ClientFiles, Imports } from "@lms-bridge/core/McpConfig"
import { McpEntryUnusable, nearest } from "@lms-bridge/core/McpRegistry"
import { present } from "@lms-bridge/core/Json"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { UsageError } from "../../ExitCode.ts"
import { Program } from "../../Program.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as FileChange from "../../views/FileChange.ts"
import * as ImportReport from "./ImportReport.ts"
import * as OwnFile from "./OwnFile.ts"

export const command = Command.make("import", {
  names: Args.text({ name: "NAME" }).pipe(
    Args.withDescription("The servers to take over. Without one: all that your clients have."),
    Args.repeated
  ),
  from: Options.text("from").pipe(
    Options.withDescription("Only servers of this client: `claude-code`, `cursor`, `vscode` and others."),
    Options.withPseudoName("CLIENT"),
    Options.repeated,
    Options.mapEffect((given) => Effect.forEach(given, clientNamed))
  ),
  to: Options.text("to").pipe(
    Options.withDescription(
      "`user` (~/.mcp.json), `project` (.mcp.json of this folder), `lmstudio`, or a file. Default: the mcp.json that is used, else ~/.mcp.json."
    ),
    Options.withPseudoName("FILE"),
    Options.withDefault("used")
  ),
  withSecrets: Options.boolean("with-secrets").pipe(
    Options.withDescription("Copy tokens and passwords as they are, in place of references to variables.")
  ),
  force: Options.boolean("force").pipe(Options.withDescription("Replace servers of the same name that are different.")),
  dryRun: Options.boolean("dry-run").pipe(Options.withDescription("Show what would change, and write nothing.")),
  json: SharedOptions.json("Print what was taken and what was left as JSON.")
}).pipe(
  Command.withDescription(
    "Take over the servers that your MCP clients have: Claude Code, Cursor, VS Code, Codex and others."
  ),
  Command.withHandler(
    Effect.fnUntraced(function* ({ dryRun, force, from, json, names, to, withSecrets }) {
      const screen = yield* Screen
      const target = yield* OwnFile.place(to)
      const wish = { names, from, force, secrets: withSecrets }
      const { choice, offers } = yield* chosen(target, wish)
      yield* refuseNamed(target, names, choice, offers)
      const { taken } = choice
      const plan = yield* planned(target, taken)
      const before = yield* OwnFile.used
      const written = dryRun || plan.changes.length === 0 ? undefined : yield* ClientFiles.write(plan)
      const variables = yield* ImportReport.states(taken)
      const about = { target, choice, variables, problems: offers.problems, dryRun, secrets: withSecrets }
      if (json) return yield* screen.out(encode(ImportReport.summary(about)))
      const shown = dryRun && plan.changes.length > 0 ? FileChange.lines(plan, target, new Set()) : []
      const notes = written === undefined ? [] : yield* OwnFile.consequences(target, before)
      const undo = written === undefined ? [] : yield* OwnFile.undo(plan, written.backup)
      yield* screen.out([...shown, ...ImportReport.lines(about, screen.columns), ...notes, ...undo].join("\n"))
    })
  )
)

/** What the clients have, and what of it is taken over into the target. */
export const chosen = Effect.fnUntraced(function* (target: string, wish: Imports.Wish) {
  const { platform } = yield* Program
  const machine = yield* ClientFiles.machine(platform)
  const offers = yield* Imports.offers(machine, target)
  const there = yield* Imports.servers(target, machine.cwd)
  const isOfFolder = target === (yield* Effect.orElseSucceed(OwnFile.place("project"), () => ""))
  const choice = Imports.choose(offers.found, wish, { there, cwd: isOfFolder ? undefined : machine.cwd })
  return { offers, choice, there }
})

/** The change that writes them. What may not be replaced has been left out. */
export const planned = (target: string, taken: ReadonlyArray<Imports.Taken>): ReturnType<typeof ClientFiles.planAdd> =>
  ClientFiles.planAdd(target, {
    force: true,
    servers: taken.map(({ entry, offer }) => ({ name: offer.name, entry }))
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

function clientNamed(text: string) {
  const found = Imports.clients.find(([name]) => name === text)
  if (found !== undefined) return Effect.succeed(found[1])
  const names = Imports.clients.map(([name]) => name)
  const near = nearest(text, names)
  const hint = near.length > 0 ? `Did you mean ${near.join(" or ")}?` : `It must be one of ${names.join(", ")}.`
  return Effect.fail(ValidationError.invalidValue(HelpDoc.p(`--from is "${text}", which is no client. ${hint}`)))
}

const encode = Schema.encodeSync(Schema.parseJson(ImportReport.Summary))

/** Who names a server wants it: what cannot be taken fails, and nothing is written. */
const refuseNamed = Effect.fnUntraced(function* (
  target: string,
  names: ReadonlyArray<string>,
  { left, taken, unknown }: Imports.Choice,
  { found }: Imports.Offers
) {
  const [first] = unknown
  if (first !== undefined) {
    const all = [...new Set(found.flatMap(({ itself, name }) => (itself ? [] : [name])))]
    const near = nearest(first, all)
    // left out by --from
    const elsewhere = [...new Set(found.flatMap(({ name, origin }) => (name === first ? [origin] : [])))]
    const hint =
      elsewhere.length > 0
        ? `${elsewhere.join(" and ")} has one; leave out --from, or name that client.`
        : near.length > 0
          ? `Did you mean ${near.join(" or ")}?`
          : all.length > 0
            ? `They have: ${all.join(", ")}.`
            : "They have none."
    return yield* new UsageError({
      problem: `${elsewhere.length > 0 ? "That client has no" : "None of your MCP clients has a"} server "${first}" to take over. ${hint}`
    })
  }
  const missing = names.filter((name) => !taken.some(({ offer }) => offer.name === name))
  for (const { detail, offer, reason } of left.filter(({ offer }) => missing.includes(offer.name))) {
    const where = { server: offer.name, path: offer.source, ...present({ line: offer.line }) }
    if (reason === "Different") return yield* new ClientFileError({ reason: "Taken", path: target, detail: offer.name })
    if (reason === "Itself") return yield* new McpEntryUnusable({ ...where, reason: "Itself", detail: "" })
    if (reason === "Invalid") return yield* new McpEntryUnusable({ ...where, reason: "Invalid", detail })
  }
})
