/**
 * The checks of `doctor`: everything that a run needs, one finding each, in the order in which a run needs it.
 */
import { UserPolicies } from "@lms-bridge/core/AgentLoop"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import { CurrentOperatingSystem, unsupported } from "@lms-bridge/core/Machine"
import { baseUrl, origins, Settings } from "@lms-bridge/core/Settings"
import { type Application, type DaemonStatus, type LmsCallError, LmsCli } from "@lms-bridge/core/LmsCli"
import { LmStudioApi, type ServerInfo } from "@lms-bridge/core/LmStudioApi"
import { leftOut, McpRegistry, type ServerSummary } from "@lms-bridge/core/McpRegistry"
import { Hosts, type LoadedModel, ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { Resilience, RetryPolicy } from "@lms-bridge/core/Resilience"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { lookedFor } from "../commands/mcp/McpLs.ts"
import { ExitCode, ofFailure, type Failure } from "../ExitCode.ts"
import { type Area, type Finding, notice, ok } from "./findings/Finding.ts"
import * as HostFindings from "./findings/HostFindings.ts"
import { skills } from "./findings/SkillFindings.ts"
import * as Withheld from "./Withheld.ts"
import * as Words from "./Words.ts"

export { Finding, notice, ok } from "./findings/Finding.ts"

/** The checks are independent: one that fails does not stop the others. MCP servers are started for a moment. */
export const findings: Effect.Effect<
  ReadonlyArray<Finding>,
  never,
  Settings | LmStudioApi | LmsCli | ModelLifecycle | McpRegistry | Resilience | RunJournal
> = Effect.suspend(() =>
  Effect.all([system, lmStudio, mcp, skills, breakers, settings, policy, runs], { concurrency: "unbounded" })
).pipe(Effect.map((parts) => parts.flat()))

/** What a run needs before any tool: LM Studio, `lms` and the models. */
export const lmStudio = Effect.flatMap(Hosts, (hosts) =>
  hosts.length === 0 ? oneServer : HostFindings.of(hosts, oneServer)
)

const oneServer = Effect.gen(function* () {
  const [server, application] = yield* Effect.all(
    [Effect.either(Effect.flatMap(LmStudioApi, (api) => api.ping)), Effect.flatMap(LmsCli, (lms) => lms.application)],
    { concurrency: "unbounded" }
  )
  const parts = yield* Effect.all(
    [
      Effect.succeed([...aboutServer(server, application), ...aboutApplication(server, application)]),
      Either.isRight(server) ? access : Effect.succeed([]),
      lms(application),
      Either.isRight(server) ? models : Effect.succeed([])
    ],
    { concurrency: "unbounded" }
  )
  return parts.flat()
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The message of the failure says what to do. */
const problem = (area: Area, failure: Failure & { readonly message: string }): Finding => ({
  area,
  level: "problem",
  what: Words.oneLine(failure.message),
  code: ofFailure(failure)
})

/** No finding on a supported system. */
const system = Effect.map(CurrentOperatingSystem, (current): ReadonlyArray<Finding> => {
  const warning = unsupported(current)
  return warning === undefined ? [] : [notice("system", warning)]
})

type Answer = Either.Either<ServerInfo, Failure & { readonly message: string }>

const aboutServer = (server: Answer, application: Option.Option<Application>): ReadonlyArray<Finding> =>
  Either.match(server, {
    onLeft: (failure) => {
      const found = problem("LM Studio", failure)
      return [
        found.code === ExitCode.unreachable
          ? {
              ...found,
              next: "To try lms-bridge without it: `lms-bridge run TASK --stand-in auto`, or `lms-bridge simulate` in another terminal."
            }
          : found
      ]
    },
    onRight: ({ baseUrl, dialect, isLmStudio }) => [
      isLmStudio
        ? ok(
            "LM Studio",
            `${Option.match(application, { onNone: () => "", onSome: ({ version }) => `version ${version}, ` })}answers at ${baseUrl} with its ${dialect} API`
          )
        : dialect === "llama-router"
          ? ok(
              "LM Studio",
              `llama.cpp's router answers at ${baseUrl}; its models are loaded and unloaded like LM Studio's`
            )
          : notice(
              "LM Studio",
              `another OpenAI-compatible server answers at ${baseUrl}`,
              "It can run tasks; models are loaded and unloaded with its own tools."
            )
    ]
  })

/** LM Studio runs, and only its server is off. */
const aboutApplication = (server: Answer, application: Option.Option<Application>): ReadonlyArray<Finding> =>
  Either.isLeft(server) && server.left.reason === "Refused"
    ? Option.toArray(application).map(({ version }) =>
        notice(
          "LM Studio",
          `version ${version} runs on this machine, but its server is off or on another port`,
          "`lms-bridge server start` starts the server."
        )
      )
    : []

const access = Effect.gen(function* () {
  const { apiToken } = yield* Settings
  const found = yield* Effect.either(Effect.flatMap(LmStudioApi, (api) => api.access))
  if (Either.isLeft(found)) return [problem("LM Studio", found.left)]
  if (found.right === "token") return [ok("LM Studio", "requires an API token, and accepts the one in LM_API_TOKEN")]
  return [
    ok("LM Studio", `requires no API token${Option.isSome(apiToken) ? "; the one in LM_API_TOKEN is not needed" : ""}`)
  ]
})

const lms = Effect.fnUntraced(function* (application: Option.Option<Application>) {
  const cli = yield* LmsCli
  const binary = yield* Effect.either(cli.binary)
  if (Either.isLeft(binary)) {
    const { message } = binary.left
    const { lmsBinary } = yield* Settings
    // a configured binary that is missing is a problem; an unset one, or `none`, is not
    if (Option.exists(lmsBinary, (name) => name !== "none")) return [problem("lms", binary.left)]
    return [
      notice("lms", "no `lms` command: models are loaded over HTTP, without status and queue", Words.oneLine(message))
    ]
  }
  const [version, daemon] = yield* Effect.all(
    [
      Effect.either(cli.version),
      // the status port has answered already
      Option.isSome(application) ? Effect.succeedNone : Effect.asSome(Effect.either(cli.daemonStatus))
    ],
    { concurrency: "unbounded" }
  )
  return [
    Either.isRight(version) ? ok("lms", `${binary.right}, version ${version.right}`) : problem("lms", version.left),
    ...Option.toArray(daemon).flatMap(aboutDaemon)
  ]
})

const policy = Effect.gen(function* () {
  const { policyPath } = yield* Settings
  if (Option.isNone(policyPath)) return []
  const found = yield* Effect.either(Effect.flatten(UserPolicies))
  return [
    Either.isLeft(found)
      ? problem("policy", found.left)
      : ok("policy", `the rules in ${policyPath.value} apply to every run`)
  ]
})

const runs = Effect.map(
  Effect.flatMap(RunJournal, ({ unkept }) => unkept),
  Option.match({ onNone: () => [], onSome: (failure) => [problem("runs", failure)] })
)

const aboutDaemon = (daemon: Either.Either<DaemonStatus, LmsCallError>): ReadonlyArray<Finding> =>
  Either.match(daemon, {
    onLeft: (error) => {
      if (error._tag !== "LmsCliError") return [problem("lms", error)]
      // LM Studio runs on another machine, and `lms` is called with `--host`
      if (error.reason === "Remote") return []
      return error.reason === "Exit" && /unknown command/.test(error.detail ?? "")
        ? [notice("lms", "it is too old to say whether LM Studio runs, and nothing answers at LM Studio's status port")]
        : [problem("lms", error)]
    },
    onRight: ({ running }) =>
      running
        ? []
        : [
            notice(
              "lms",
              "`lms` says that LM Studio is not running",
              "Start LM Studio, or run `lms-bridge server start`."
            )
          ]
  })

const models = Effect.gen(function* () {
  const lifecycle = yield* ModelLifecycle
  const listed = yield* Effect.either(Effect.flatMap(LmStudioApi, (api) => api.models))
  if (Either.isLeft(listed)) return [problem("models", listed.left)]
  const language = listed.right.filter(({ type }) => type === "llm")
  const [chosen, loaded] = yield* Effect.all([
    Effect.either(lifecycle.resolve(undefined)),
    Effect.either(lifecycle.loaded)
  ])
  return [
    ok("models", `${Words.count(listed.right.length, "model")} on disk, ${language.length} of them for language`),
    Either.isRight(chosen)
      ? ok("models", `a run without --model uses ${chosen.right}`)
      : problem("models", chosen.left),
    ...(Either.isRight(loaded) ? loaded.right.flatMap(aboutLoaded) : [problem("models", loaded.left)]),
    ...(Either.isRight(loaded) ? duplicates(loaded.right) : [])
  ]
})

const aboutLoaded = (model: LoadedModel): ReadonlyArray<Finding> => {
  const facts = [
    `${model.instanceId} is loaded by ${model.owner === "user" ? "you" : "lms-bridge"}`,
    ...(model.status === undefined ? [] : [model.status]),
    ...(model.contextLength === undefined ? [] : [`context ${model.contextLength}`]),
    ...(typeof model.ttlMillis === "number" ? [`idle limit ${Words.duration(model.ttlMillis)}`] : [])
  ].join(", ")
  return [
    model.ttlMillis === null
      ? notice(
          "models",
          `${facts}, without an idle limit`,
          `It stays in memory until \`lms-bridge models unload ${model.instanceId} --force\`.`
        )
      : ok("models", facts)
  ]
}

const duplicates = (loaded: ReadonlyArray<LoadedModel>): ReadonlyArray<Finding> =>
  [...new Set(loaded.map(({ model }) => model))].flatMap((key) => {
    const copies = loaded.filter(({ model }) => model === key)
    const surplus = copies.findLast(({ owner }) => owner !== "user") ?? copies.at(-1)
    return copies.length < 2 || surplus === undefined
      ? []
      : [
          notice(
            "models",
            `${key} is loaded ${copies.length} times: ${copies.map(({ instanceId }) => instanceId).join(", ")}`,
            surplus.owner === "user"
              ? `You loaded them; \`lms-bridge models unload ${surplus.instanceId} --force\` frees the memory of one.`
              : `\`lms-bridge models unload ${surplus.instanceId}\` frees the memory of one.`
          )
        ]
  })

/** How many MCP servers are started at the same time. */
const serversAtOnce = 4

const mcp = Effect.gen(function* () {
  const registry = yield* McpRegistry
  const candidates = yield* registry.candidates
  const used = candidates.find((candidate) => candidate.used)
  const servers = yield* Effect.either(registry.servers)
  if (Either.isLeft(servers)) return [problem("mcp.json", servers.left)]
  if (used === undefined) {
    return [
      notice(
        "mcp.json",
        `none found; ${lookedFor(candidates)}`,
        "`lms-bridge init` makes one; `lms-bridge mcp add NAME -- COMMAND` adds a server, which gives models tools."
      )
    ]
  }
  // an unused file whose servers are used from another one is not worth a notice, nor is lms-bridge in it
  const known = new Set(["lms-bridge", ...servers.right.map(({ name }) => name)])
  const passed = candidates.flatMap(({ entries, exists, path, used }) => {
    const names = entries?.flatMap(({ name }) => (known.has(name) ? [] : [name]))
    return exists && !used && names?.length !== 0 ? [{ path, names: names?.join(", ") }] : []
  })
  const each = yield* Effect.forEach(servers.right, aboutEntry, { concurrency: serversAtOnce })
  return [
    ok(
      "mcp.json",
      `${candidates.flatMap(({ path, used }) => (used ? [path] : [])).join(", ")}, ${Words.count(servers.right.length, "server")}`
    ),
    ...candidates.flatMap(({ problem: wrong, used }) =>
      used && wrong !== undefined ? [notice("mcp.json", Words.oneLine(wrong))] : []
    ),
    ...passed.map(({ names, path }) =>
      notice(
        "mcp.json",
        `${path} is not used${names === undefined ? "" : ` (${names})`}, because ${used.path} comes first`,
        "`lms-bridge mcp import` takes over the servers of other programs."
      )
    ),
    ...each.flat()
  ]
})

const aboutEntry = Effect.fnUntraced(function* (server: ServerSummary) {
  switch (server.state) {
    case "disabled":
    case "itself":
      return [notice("servers", Words.oneLine(server.problem ?? `${server.name} is not used`))]
    case "invalid": {
      const message = server.problem ?? `${server.name} cannot be used as it is written in ${server.source}.`
      return [problem("servers", { _tag: "McpEntryUnusable", message })]
    }
    case "missing":
    case "usable": {
      const why = leftOut(server)
      if (why !== undefined) return [notice("servers", Words.oneLine(why))]
      const tools = yield* Effect.either(Effect.flatMap(McpRegistry, (registry) => registry.tools(server.name)))
      if (Either.isLeft(tools)) {
        const { problem: message = tools.left.message } = server
        return [problem("servers", { _tag: tools.left._tag, message })]
      }
      const lock = yield* Effect.orElseSucceed(Withheld.of(server.name), () => undefined)
      const withheld = lock === undefined ? undefined : Withheld.clause(lock)
      const starts = ok("servers", `${server.name} starts, ${Words.count(tools.right.length, "tool")}`)
      return withheld === undefined
        ? [starts]
        : [starts, notice("servers", Words.oneLine(`${server.name}: ${withheld}`), Withheld.next(server.name))]
    }
  }
})

const breakers = Effect.gen(function* () {
  const resilience = yield* Resilience
  const open = (yield* resilience.breakers).filter(({ state }) => state._tag !== "Closed")
  const { failures, openFor } = resilience.breakerPolicy
  const { budget, maxRetries } = resilience.retryPolicy
  const delays = RetryPolicy.delays(resilience.retryPolicy).map((delay) => Duration.format(delay))
  const retries =
    maxRetries === 0
      ? "no retries"
      : `${Words.count(maxRetries, "retry", "retries")} after about ${delays.join(", ")}, none later than ${Duration.format(budget)} after the first failure`
  return [
    ...open.map(({ name, state }) =>
      notice(
        "breakers",
        `${name} is ${state._tag === "Open" ? "open" : "half open, and being tried again"}`,
        "It closes once a call succeeds."
      )
    ),
    ok(
      "breakers",
      `${open.length === 0 ? "all closed; " : ""}${failures} failures in a row open one for ${Duration.format(openFor)}; ${retries}`
    )
  ]
})

const settings = Effect.gen(function* () {
  const settings = yield* Settings
  const found = (yield* origins).flatMap(({ from, key }) => (Option.isSome(from) ? [{ key, from: from.value }] : []))
  const files = new Set(found.map(({ from }) => from).filter((from) => from.includes("/") || from.includes("\\")))
  const variables = found.flatMap(({ from }) => (files.has(from) ? [] : [from]))
  const sources = [
    ...(variables.length === 0 ? [] : [`from the environment: ${variables.join(", ")}`]),
    ...[...files].map(
      (file) => `from ${file}: ${found.flatMap(({ from, key }) => (from === file ? [key] : [])).join(", ")}`
    )
  ]
  return [
    ok(
      "settings",
      [
        settings.hosts.length === 0
          ? `address ${baseUrl(settings)}`
          : `hosts ${settings.hosts.map(({ name }) => name).join(", ")}`,
        `API token ${Option.isSome(settings.apiToken) ? "set" : "not set"}`,
        `default model ${Option.getOrElse(settings.defaultModel, () => "not set")}`,
        `idle limit ${Duration.format(settings.ttl)}, at most ${Duration.format(settings.ttlMaximum)}`,
        `autostart of LM Studio ${settings.autostart ? "on" : "off"}`,
        `runs limited to ${settings.maxRounds} rounds and ${Duration.format(settings.runTimeout)}`,
        ...(sources.length === 0 ? ["all of them defaults"] : [...sources, "the others are defaults"])
      ].join("; ")
    )
  ]
})
