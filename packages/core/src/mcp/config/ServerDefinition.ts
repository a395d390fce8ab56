/** One configured MCP server, ready to be started, or the reason why it cannot be. Pure. */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import { stringify } from "../../json/ExactJson.ts"
import * as ConfigVariables from "./ConfigVariables.ts"
import { isRemote, kindOf, oauthIn } from "./RemoteWords.ts"
import { isItself } from "./SelfReference.ts"
import * as ToolLists from "../dialects/ToolLists.ts"
import type { ConfigEntry, EntryProblem, EntrySettings } from "./McpConfig.ts"
import * as Redaction from "../redaction/Redaction.ts"
import * as Secrets from "../redaction/Secrets.ts"
import type { Era, Launch, OAuthSettings } from "./Launch.ts"
import { present } from "../../schema/Fields.ts"

export interface ServerDefinition {
  readonly name: string
  readonly source: string
  readonly line: number | undefined
  /** Its file came with the working folder, for another program: it is not included when all servers are requested. */
  readonly onlyByName?: boolean
  /** As it may be shown: variables unexpanded, secrets masked. */
  readonly shown: {
    readonly transport: "stdio" | "http" | "sse" | "unknown"
    readonly target: string
    /** The command's name or the URL's host: all that a model and its client need to know. */
    readonly brief: string
    readonly envNames: ReadonlyArray<string>
  }
  readonly launch: Either.Either<Launch, LaunchProblem>
  /** Longest silence in a call, if the entry sets one. */
  readonly timeout: Duration.Duration | undefined
  /** Longest wait for it to start and answer, if the entry sets one. */
  readonly startTimeout?: Duration.Duration
  /** In which words it is asked first, if the entry says so. */
  readonly begins?: Era
  /** Whether the entry allows a tool. */
  readonly allows: (tool: string) => boolean
  /** Why it does not, in words; undefined if it does. */
  readonly switchedOff?: (tool: string) => string | undefined
  /** Everything that matters to a connection, as one string: equal for entries that differ only in their form. */
  readonly identity: Redacted.Redacted
}

export type ServersByName = ReadonlyMap<string, ServerDefinition>

export interface LaunchProblem {
  readonly reason: "Disabled" | "Itself" | "TooDeep" | "Invalid" | "MissingVariable"
  readonly line: number | undefined
  readonly detail: string
}

/** Turns an entry into a server. `nested` means that we run inside another lms-bridge. */
export const make = (
  entry: ConfigEntry,
  options: {
    readonly variables: Omit<ConfigVariables.VariableSource, "inputs">
    readonly nested: boolean
    /** Resolves symbolic links in a path; returns the path itself if that fails. */
    readonly real?: ((path: string) => string) | undefined
    /** The content of the entry's `envFile`, or why it cannot be used. */
    readonly envFile?: EnvFileText | undefined
  }
): ServerDefinition => {
  const { line, name, source } = entry
  return Either.match(entry.settings, {
    onLeft: (problem) => ({
      name,
      source,
      line,
      shown: { transport: "unknown", target: "", brief: "", envNames: [] },
      launch: Either.left(problem),
      timeout: undefined,
      allows: () => true,
      identity: Redacted.make("")
    }),
    onRight: (settings) => {
      const launch = launchOf(settings, entry, {
        ...options,
        variables: { ...options.variables, inputs: entry.inputs, fileFolder: folderOf(source) }
      })
      return {
        name,
        source,
        line,
        shown: show(settings),
        launch,
        timeout: settings.timeout,
        ...present({ startTimeout: settings.startTimeout, begins: eraOf(settings.protocolVersion) }),
        allows: (tool) =>
          ToolLists.allows(name, tool, { allowed: settings.allowedTools, excluded: settings.excludedTools }),
        switchedOff: (tool) => {
          const { allowedTools, excludedTools } = settings
          if (ToolLists.allows(name, tool, { allowed: allowedTools, excluded: excludedTools })) return undefined
          const { toolKeys = [] } = entry
          const where = `${source}${line === undefined ? "" : `, line ${line}`}`
          return `"${tool}" of MCP server "${name}" is switched off by ${toolKeys.join(" and ")} (${where}).`
        },
        identity: identityOf(settings, launch)
      }
    }
  })
}

/** Whether no difference matters to a connection or to what is shown of the entry. */
export const isSame = (one: ServerDefinition, other: ServerDefinition): boolean => {
  if (!Equal.equals(one.identity, other.identity)) return false
  if (Either.isRight(one.launch)) return Either.isRight(other.launch)
  return Either.isLeft(other.launch) && Equal.equals(Data.struct(one.launch.left), Data.struct(other.launch.left))
}

/** The variables of an env file, or a sentence that says why it cannot be used. */
export type EnvFileText = Either.Either<ReadonlyMap<string, string>, string>

/** The env file of an entry, with variables expanded; undefined if it names none or a variable is missing. */
export const envFileOf = (entry: ConfigEntry, variables: ConfigVariables.VariableSource): string | undefined =>
  Either.match(entry.settings, {
    onLeft: () => undefined,
    onRight: ({ envFile }) =>
      envFile === undefined
        ? undefined
        : Either.getOrUndefined(
            ConfigVariables.expand(ConfigVariables.canonical(envFile, "place"), {
              ...variables,
              inputs: entry.inputs,
              fileFolder: folderOf(entry.source)
            })
          )
  })

/** The environment variables that an entry refers to. */
export const variablesOf = (entry: ConfigEntry): ReadonlyArray<string> =>
  Either.match(entry.settings, {
    onLeft: () => [],
    onRight: (settings) => {
      const { args, command, cwd, env, envFile, headers, url } = settings
      const { clientId, clientSecret } = oauthIn(settings)
      const of = (use: ConfigVariables.Use, texts: ReadonlyArray<string | null | undefined>) =>
        texts.flatMap((text) =>
          typeof text === "string"
            ? ConfigVariables.namesIn(ConfigVariables.canonical(text, use, hasDollars(entry)))
            : []
        )
      return [
        ...of("place", [command, cwd, envFile, ...(args ?? [])]),
        ...of("value", Object.values(env ?? {})),
        ...of("header", Object.values(headers ?? {})),
        ...of("other", [url, clientId, clientSecret])
      ]
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Since this revision there is no `initialize`. */
const eraOf = (version: string | undefined): Era | undefined =>
  version === undefined ? undefined : version >= "2026-07-28" ? "modern" : "legacy"

const identityOf = (settings: EntrySettings, launch: ServerDefinition["launch"]) => {
  const bare = (values: Readonly<Record<string, Redacted.Redacted>>) =>
    Object.entries(values).map(([name, value]) => [name, Redacted.value(value)])
  const reached = Either.match(launch, {
    onLeft: () => [],
    onRight: (to) =>
      to._tag === "Stdio"
        ? [to.command, to.args, bare(to.env), to.cwd]
        : [
            to.kind,
            Redacted.value(to.url),
            bare(to.headers),
            { ...to.oauth, clientSecret: to.oauth.clientSecret && Redacted.value(to.oauth.clientSecret) }
          ]
  })
  const { allowedTools, excludedTools, protocolVersion, startTimeout, timeout } = settings
  const limits = [timeout, startTimeout].map((limit) => limit && Duration.toMillis(limit))
  return Redacted.make(stringify([reached, limits, allowedTools, excludedTools, protocolVersion]))
}

const launchOf = (
  settings: EntrySettings,
  entry: ConfigEntry,
  {
    envFile,
    nested,
    real = (path) => path,
    variables
  }: {
    readonly variables: ConfigVariables.VariableSource
    readonly nested: boolean
    readonly real?: ((path: string) => string) | undefined
    readonly envFile?: EnvFileText | undefined
  }
): Either.Either<Launch, LaunchProblem> => {
  const { line, off } = entry
  const problem = (reason: LaunchProblem["reason"], detail: string) => Either.left({ reason, line, detail })
  const remote = isRemote(settings)
  if (remote === undefined)
    return problem("Invalid", `"type" is "${settings.type}"; the known types are stdio, http and sse.`)
  const { args = [], command = "" } = settings
  if (!remote && (isItself(settings) || isItself({ command: real(command), args: args.map(real) }))) {
    return problem("Itself", "")
  }
  if (settings.disabled === true || settings.enabled === false) return problem("Disabled", off ?? "")
  if (nested) return problem("TooDeep", "")

  const expand = (text: string, use: ConfigVariables.Use = "other"): Either.Either<string, EntryProblem> => {
    const [file] = entry.dialect === "opencode" ? (/\{file:[^{}]*\}/.exec(text) ?? []) : []
    if (file !== undefined) {
      const detail = `${file} is expanded by opencode only. Use an environment variable instead: {env:NAME}, or "envFile".`
      return Either.left({ reason: "Invalid", line, detail })
    }
    return Either.mapLeft(
      ConfigVariables.expand(ConfigVariables.canonical(text, use, hasDollars(entry)), variables),
      (found): EntryProblem => ({ ...found, line })
    )
  }
  // a list of pairs, because an object would lose a name such as `__proto__`
  const expandAll = (texts: Readonly<Record<string, string | null>> | undefined, use: ConfigVariables.Use) =>
    Either.map(
      Either.all(
        Object.entries(texts ?? {}).flatMap(([name, text]) => {
          // a password may begin with a tilde
          const as = /pass|secret|token/i.test(name) ? "header" : use
          return text === null ? [] : [Either.map(expand(text, as), (value) => [name, Redacted.make(value)] as const)]
        })
      ),
      (pairs): Readonly<Record<string, Redacted.Redacted>> => Object.fromEntries(pairs)
    )

  return Either.gen(function* () {
    if (remote) {
      const url = yield* expand(settings.url ?? "")
      if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
        return yield* problem(
          "Invalid",
          settings.url === undefined ? `"url" is missing.` : `"url" is not an http(s) URL.`
        )
      }
      const headers = yield* expandAll(settings.headers, "header")
      const bare = withoutUser(url)
      const own = Object.keys(headers).some((name) => name.toLowerCase() === "authorization")
      return {
        _tag: "Http",
        url: Redacted.make(bare.url),
        headers:
          bare.authorization === undefined || own
            ? headers
            : { ...headers, Authorization: Redacted.make(bare.authorization) },
        kind: kindOf(settings),
        oauth: yield* oauthOf(settings, expand)
      }
    }
    const command = yield* expand(settings.command ?? "", "place")
    if (command.trim() === "") {
      return yield* problem(
        "Invalid",
        settings.url === undefined
          ? `It has neither a "command" to start nor a "url" to connect to.`
          : `"type" is "${settings.type}", which needs a "command". For a URL write "type": "http".`
      )
    }
    if (settings.envFile !== undefined && envFile === undefined) {
      // fails with the variable that is missing in its name
      yield* expand(settings.envFile, "place")
    }
    if (envFile !== undefined && Either.isLeft(envFile)) return yield* problem("Invalid", envFile.left)
    const ofFile = envFile === undefined ? [] : [...envFile.right].map(([name, value]) => [name, Redacted.make(value)])
    return {
      _tag: "Stdio",
      command,
      args: yield* Either.all((settings.args ?? []).map((arg) => expand(arg, "place"))),
      env: {
        ...(Object.fromEntries(ofFile) as Record<string, Redacted.Redacted>),
        ...(yield* expandAll(settings.env, "value"))
      },
      cwd: settings.cwd === undefined ? undefined : yield* expand(settings.cwd, "place")
    }
  })
}

/** Whether `$NAME` is a reference anywhere in a string. */
const hasDollars = ({ dialect }: ConfigEntry) => dialect === "Gemini CLI"

const folderOf = (file: string): string | undefined => /^(.*)[\\/][^\\/]*$/s.exec(file)?.[1]

const oauthOf = (settings: EntrySettings, expand: (text: string) => Either.Either<string, LaunchProblem>) =>
  Either.gen(function* () {
    const written = oauthIn(settings)
    const optional = (text: string | undefined) => (text === undefined ? Either.right(undefined) : expand(text))
    const secret = yield* optional(written.clientSecret)
    const oauth: OAuthSettings = {
      ...written,
      clientId: yield* optional(written.clientId),
      clientSecret: secret === undefined ? undefined : Redacted.make(secret)
    }
    return oauth
  })

const show = (settings: EntrySettings): ServerDefinition["shown"] => {
  const fromFile = settings.envFile === undefined ? [] : [`those in the file ${settings.envFile}`]
  const envNames = [...Object.keys(settings.env ?? settings.headers ?? {}), ...fromFile]
  if (isRemote(settings) === true) {
    const transport = kindOf(settings) === "sse" ? "sse" : "http"
    const { url = "" } = settings
    const brief = URL.canParse(url) ? new URL(url).host : ""
    return { transport, target: Redaction.shownUrl(url), brief, envNames }
  }
  if (settings.command === undefined) return { transport: "unknown", target: "", brief: "", envNames }
  const values = Object.entries(settings.env ?? {}).flatMap(([name, value]) =>
    Secrets.inVariable(name, String(value ?? ""))
  )
  const [command = "", ...args] = Redaction.shownArguments([settings.command, ...(settings.args ?? [])], values)
  return { transport: "stdio", target: [command, ...args].join(" "), brief: programOf(command), envNames }
}

/** Without its folder, and without arguments in the same string. */
const programOf = (command: string): string =>
  /[^\\/]*$/.exec(command.replace(/\s+-.*$/s, ""))?.[0].split(/\s/)[0] ?? ""

/** Moves the user and password of a URL into a header, as every client sends them; `fetch` refuses such a URL. */
const withoutUser = (url: string): { readonly url: string; readonly authorization: string | undefined } => {
  const parsed = new URL(url)
  const { password, username } = parsed
  if (username === "" && password === "") return { url, authorization: undefined }
  parsed.username = ""
  parsed.password = ""
  const pair = `${Secrets.decoded(username)}:${Secrets.decoded(password)}`
  return { url: parsed.href, authorization: `Basic ${Encoding.encodeBase64(pair)}` }
}
