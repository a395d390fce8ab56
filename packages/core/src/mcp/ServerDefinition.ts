/**
 * One configured MCP server, ready to be started or with the reason why it cannot be: pure.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as ConfigVariables from "./ConfigVariables.ts"
import { isItself } from "./Itself.ts"
import type { ConfigEntry, EntryProblem, EntrySettings } from "./McpConfig.ts"
import * as Redaction from "./redaction/Redaction.ts"
import * as Secrets from "./redaction/Secrets.ts"

/**
 * How a server is reached. Values that may be secrets are redacted from here on.
 *
 * @since 0.1.0
 * @category models
 */
export type Launch =
  | {
      readonly _tag: "Stdio"
      readonly command: string
      readonly args: ReadonlyArray<string>
      readonly env: Readonly<Record<string, Redacted.Redacted>>
      readonly cwd: string | undefined
    }
  | {
      readonly _tag: "Http"
      readonly url: Redacted.Redacted
      readonly headers: Readonly<Record<string, Redacted.Redacted>>
      /** `sse`: the older transport only. `http`: Streamable HTTP only. `any`: the second when the first fails. */
      readonly kind: "http" | "sse" | "any"
      readonly oauth: OAuthSettings
    }

/**
 * What an entry says under `oauth`, for login services where lms-bridge cannot register itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface OAuthSettings {
  readonly clientId: string | undefined
  readonly clientSecret: Redacted.Redacted | undefined
  /** Words with spaces between them; the server's own wish when undefined. */
  readonly scope: string | undefined
  /** Where the browser comes back to; any free port when undefined. */
  readonly callbackPort: number | undefined
  /** `client_credentials`: the client's own secret is the login, and nobody is asked. */
  readonly grant: "authorization_code" | "client_credentials"
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ServerDefinition {
  readonly name: string
  readonly source: string
  readonly line: number | undefined
  /** As it may be shown: variables unexpanded, secrets masked. */
  readonly shown: {
    readonly transport: "stdio" | "http" | "sse" | "unknown"
    readonly target: string
    /** The command's name or the URL's host: all that a model and its client need to know. */
    readonly brief: string
    readonly envNames: ReadonlyArray<string>
  }
  readonly launch: Either.Either<Launch, LaunchProblem>
  /** Longest silence in a call, where the entry says one. */
  readonly timeout: Duration.Duration | undefined
  /** Longest wait for it to start and answer, where it needs more than others. */
  readonly startTimeout?: Duration.Duration
  /** Whether the entry lets a tool be used. */
  readonly allows: (tool: string) => boolean
  /** All that matters to a connection, in one text: equal for entries that differ in their looks only. */
  readonly identity: Redacted.Redacted
}

/**
 * @since 0.1.0
 * @category models
 */
export type ServersByName = ReadonlyMap<string, ServerDefinition>

/**
 * @since 0.1.0
 * @category models
 */
export interface LaunchProblem {
  readonly reason: "Disabled" | "Itself" | "TooDeep" | "Invalid" | "MissingVariable"
  readonly line: number | undefined
  readonly detail: string
}

/**
 * Turns an entry as written into a server. `nested` says that we run beneath another lms-bridge.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  entry: ConfigEntry,
  options: {
    readonly variables: Omit<ConfigVariables.VariableSource, "inputs">
    readonly nested: boolean
    /** Where a path leads through links; the path itself where that is not known. */
    readonly real?: ((path: string) => string) | undefined
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
      const launch = launchOf(settings, line, {
        ...options,
        variables: { ...options.variables, inputs: entry.inputs }
      })
      return {
        name,
        source,
        line,
        shown: show(settings),
        launch,
        timeout: settings.timeout,
        allows: (tool) =>
          (settings.allowedTools?.includes(tool) ?? true) && !(settings.excludedTools?.includes(tool) ?? false),
        identity: identityOf(settings, launch)
      }
    }
  })
}

/**
 * Whether there is no difference that matters to a connection or to what is said of the entry.
 *
 * @since 0.1.0
 * @category getters
 */
export const isSame = (one: ServerDefinition, other: ServerDefinition): boolean => {
  if (!Equal.equals(one.identity, other.identity)) return false
  if (Either.isRight(one.launch)) return Either.isRight(other.launch)
  return Either.isLeft(other.launch) && Equal.equals(Data.struct(one.launch.left), Data.struct(other.launch.left))
}

/**
 * The environment variables that an entry refers to.
 *
 * @since 0.1.0
 * @category getters
 */
export const variablesOf = (entry: ConfigEntry): ReadonlyArray<string> =>
  Either.match(entry.settings, {
    onLeft: () => [],
    onRight: (settings) => {
      const { args, command, cwd, env, headers, url } = settings
      const { clientId, clientSecret } = oauthIn(settings)
      const texts = [command, cwd, url, clientId, clientSecret, ...(args ?? [])]
      return [...texts, ...Object.values(env ?? {}), ...Object.values(headers ?? {})].flatMap((text) =>
        typeof text === "string" ? ConfigVariables.namesIn(text) : []
      )
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encodeJson = Schema.encodeSync(Schema.parseJson(Schema.Unknown))

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
  const { allowedTools, excludedTools, timeout } = settings
  const limit = timeout === undefined ? undefined : Duration.toMillis(timeout)
  return Redacted.make(encodeJson([reached, limit, allowedTools, excludedTools]))
}

const launchOf = (
  settings: EntrySettings,
  line: number | undefined,
  {
    nested,
    real = (path) => path,
    variables
  }: {
    readonly variables: ConfigVariables.VariableSource
    readonly nested: boolean
    readonly real?: ((path: string) => string) | undefined
  }
): Either.Either<Launch, LaunchProblem> => {
  const problem = (reason: LaunchProblem["reason"], detail: string) => Either.left({ reason, line, detail })
  const remote = isRemote(settings)
  if (remote === undefined) return problem("Invalid", `"type" is "${settings.type}"; known are stdio, http and sse.`)
  const { args = [], command = "" } = settings
  if (!remote && (isItself(settings) || isItself({ command: real(command), args: args.map(real) }))) {
    return problem("Itself", "")
  }
  if (settings.disabled === true || settings.enabled === false) return problem("Disabled", "")
  if (nested) return problem("TooDeep", "")

  const expand = (text: string) =>
    Either.mapLeft(ConfigVariables.expand(text, variables), (found): EntryProblem => ({ ...found, line }))
  const expandAll = (texts: Readonly<Record<string, string | null>> | undefined) =>
    Either.all(
      Object.fromEntries(
        Object.entries(texts ?? {}).flatMap(([name, text]) =>
          text === null ? [] : [[name, Either.map(expand(text), Redacted.make)] as const]
        )
      )
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
      const headers = yield* expandAll(settings.headers)
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
    const command = yield* expand(settings.command ?? "")
    if (command.trim() === "") {
      return yield* problem("Invalid", `It has neither a "command" to start nor a "url" to connect to.`)
    }
    return {
      _tag: "Stdio",
      command,
      args: yield* Either.all((settings.args ?? []).map(expand)),
      env: yield* expandAll(settings.env),
      cwd: settings.cwd === undefined ? undefined : yield* expand(settings.cwd)
    }
  })
}

/** Undefined for a type that nobody knows. */
const isRemote = ({ command, type, url }: EntrySettings): boolean | undefined => {
  switch (type?.toLowerCase().replaceAll(/[-_\s]/g, "")) {
    case undefined:
    case "":
      return command === undefined && url !== undefined
    case "stdio":
    case "local":
      return false
    case "http":
    case "https":
    case "streamablehttp":
    case "sse":
    case "remote":
      return true
    default:
      return undefined
  }
}

/** As written, in whichever of the two ways. */
const oauthIn = ({ auth, oauth }: EntrySettings) => {
  const ours = typeof oauth === "object" ? oauth : {}
  const theirs = typeof auth === "object" ? auth : {}
  const scopes = ours.scope ?? ours.scopes ?? theirs.scopes
  return {
    clientId: ours.clientId ?? theirs.CLIENT_ID,
    clientSecret: ours.clientSecret ?? theirs.CLIENT_SECRET,
    scope: typeof scopes === "string" ? scopes : scopes?.join(" "),
    callbackPort: ours.callbackPort,
    grant: ours.grantType ?? "authorization_code"
  }
}

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

const kindOf = ({ type }: EntrySettings): "http" | "sse" | "any" =>
  type === undefined || /^remote$/i.test(type) ? "any" : /sse/i.test(type) ? "sse" : "http"

const show = (settings: EntrySettings): ServerDefinition["shown"] => {
  const envNames = Object.keys(settings.env ?? settings.headers ?? {})
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

/** Without its folder, and without arguments that stand in it. */
const programOf = (command: string): string =>
  /[^\\/]*$/.exec(command.replace(/\s+-.*$/s, ""))?.[0].split(/\s/)[0] ?? ""

/** User and password of a URL, as every client sends them; `fetch` refuses such a URL. */
const withoutUser = (url: string): { readonly url: string; readonly authorization: string | undefined } => {
  const parsed = new URL(url)
  const { password, username } = parsed
  if (username === "" && password === "") return { url, authorization: undefined }
  parsed.username = ""
  parsed.password = ""
  const pair = `${Secrets.decoded(username)}:${Secrets.decoded(password)}`
  return { url: parsed.href, authorization: `Basic ${Encoding.encodeBase64(pair)}` }
}
