/** A server of another client as an entry of an mcp.json, with references in place of what is secret. Pure. */
import * as Duration from "effect/Duration"
import * as ConfigVariables from "../config/ConfigVariables.ts"
import type { ConfigEntry, EntrySettings } from "../config/McpConfig.ts"
import { isRemote, kindOf, oauthIn } from "../config/RemoteWords.ts"
import * as Secrets from "../redaction/Secrets.ts"
import { present } from "../../schema/Fields.ts"

/** A text that is carried by a variable of the environment. */
export interface Carried {
  readonly variable: string
  readonly value: string
}

export interface Imported {
  readonly entry: Readonly<Record<string, unknown>>
  readonly carried: ReadonlyArray<Carried>
}

/** The entry in our own words. Its folder is `cwd` where it has none. */
export const of = (
  { dialect, inputs, name }: Pick<ConfigEntry, "dialect" | "inputs" | "name">,
  settings: EntrySettings,
  options: {
    readonly cwd: string | undefined
    /** Whether secrets are copied as they are. */
    readonly secrets: boolean
    /** What other servers carry already. */
    readonly known: ReadonlyArray<Carried>
  }
): Imported => {
  const carried: Array<Carried> = []
  const prefix = variableOf(name)

  /** The variable that carries a value, `wanted` if nothing else has that name. */
  const variableFor = (wanted: string, value: string) => {
    const known = [...options.known, ...carried]
    const before = known.find((one) => one.value === value && one.variable.endsWith(wanted))
    const isFree = (variable: string) => known.every((one) => one.variable !== variable)
    const own = wanted.startsWith(prefix) ? wanted : `${prefix}_${wanted}`
    const numbered = Array.from({ length: known.length + 1 }, (_, at) => `${own}_${at + 2}`)
    const variable = before?.variable ?? [wanted, own, ...numbered].find(isFree) ?? own
    if (before === undefined || options.known.includes(before)) carried.push({ variable, value })
    return `\${env:${variable}}`
  }
  /** The longest first: a secret may contain another one. */
  const without = (text: string, found: ReadonlyArray<Secrets.Secret>, wanted: string) =>
    options.secrets
      ? text
      : found
          .toSorted((one, other) => other.text.length - one.text.length)
          .reduce(
            (now, secret) =>
              secret.text !== "" && now.includes(secret.text)
                ? now.replaceAll(secret.text, () => variableFor(wanted, secret.text))
                : now,
            text
          )

  /** A variable whose value is secret is carried whole, so that it keeps its name. */
  const hidden = (name: string, value: string, found: ReadonlyArray<Secrets.Secret>) =>
    options.secrets || found.length === 0
      ? value
      : value.includes("${")
        ? without(value, found, `${prefix}_${variableOf(name)}`)
        : variableFor(name, value)

  /** References as every client that expands any writes them. */
  const said = (text: string) =>
    (dialect === "Gemini CLI" ? ConfigVariables.canonical(text, "other", true) : text).replaceAll(
      /\$\{input:([^${}]+)\}/g,
      (_, id: string) => {
        const standard = inputs?.get(id)?.default
        return `\${${ConfigVariables.inputVariable(id)}${standard === undefined ? "" : `:-${standard}`}}`
      }
    )
  const texts = (record: EntrySettings["env"], each: (name: string, value: string) => string) => {
    const pairs = Object.entries(record ?? {}).flatMap(([name, value]) =>
      value === null ? [] : [[name, each(name, said(value))] as const]
    )
    return pairs.length === 0 ? undefined : Object.fromEntries(pairs)
  }
  const sure = (found: ReadonlyArray<Secrets.Secret>) => found.filter((one) => one.sure)

  const common = {
    ...(settings.timeout === undefined ? {} : { timeout: milliseconds(settings.timeout) }),
    ...(settings.startTimeout === undefined ? {} : { startTimeout: milliseconds(settings.startTimeout) }),
    ...present({
      protocolVersion: settings.protocolVersion,
      allowedTools: settings.allowedTools,
      excludedTools: settings.excludedTools
    })
  }
  if (isRemote(settings) === true) {
    const type = kindOf(settings)
    const entry = {
      ...(type === "any" ? {} : { type }),
      url: without(said(settings.url ?? ""), sure(Secrets.inText(settings.url ?? "")), `${prefix}_URL`),
      ...present({
        headers: texts(settings.headers, (name, value) =>
          without(value, Secrets.inHeaderValue(name, value), `${prefix}_${variableOf(name)}`)
        ),
        oauth: loginOf(settings, (secret) =>
          options.secrets || /^\$\{[^${}]*\}$/.test(secret) ? secret : variableFor(`${prefix}_CLIENT_SECRET`, secret)
        )
      }),
      ...common
    }
    return { entry, carried }
  }
  const args = (settings.args ?? []).map(said)
  const found = Secrets.inArguments(args)
  const entry = {
    command: said(settings.command ?? ""),
    args: args.map((arg, at) => without(arg, sure(found[at] ?? []), `${prefix}_${wordOf(args, at)}`)),
    ...present({
      env: texts(settings.env, (name, value) => hidden(name, value, Secrets.inVariable(name, value))),
      envFile: settings.envFile === undefined ? undefined : said(settings.envFile),
      cwd: settings.cwd === undefined ? options.cwd : said(settings.cwd)
    }),
    ...common
  }
  return { entry, carried }
}

/** The variables of the environment without which an entry cannot be used. */
export const needs = (entry: unknown): ReadonlyArray<string> => {
  if (typeof entry === "string") {
    return [...entry.matchAll(/\$\{(?:env:)?([A-Za-z_]\w*)\}/g)].flatMap(([, name = ""]) =>
      ours.has(name) ? [] : [name]
    )
  }
  return typeof entry === "object" && entry !== null ? [...new Set(Object.values(entry).flatMap(needs))] : []
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Names that have a value without the environment. */
const ours: ReadonlySet<string> = new Set([
  "workspaceFolder",
  "workspaceRoot",
  "workspaceFolderBasename",
  "pathSeparator",
  "userHome",
  "HOME",
  "CLAUDE_PLUGIN_ROOT"
])

/** `GITHUB_WORK` for `github-work`. */
const variableOf = (name: string) => {
  const word = name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "")
  return /^[A-Z]/.test(word) ? word : `MCP_${word}`
}

/** What an argument is called: by its own option, or by the one before it. */
const wordOf = (args: ReadonlyArray<string>, at: number) => {
  const own = /^-{1,2}([A-Za-z][\w-]*)/.exec(args[at] ?? "")
  const [, option] = own ?? /^-{1,2}([A-Za-z][\w-]*)$/.exec(args[at - 1] ?? "") ?? []
  return option === undefined ? "SECRET" : variableOf(option)
}

/** A number below 1000 would be seconds. */
const milliseconds = (limit: Duration.Duration) => {
  const millis = Duration.toMillis(limit)
  return millis < 1000 ? `${millis} ms` : millis
}

const loginOf = (settings: EntrySettings, secret: (text: string) => string) => {
  if (typeof settings.oauth !== "object" && typeof settings.auth !== "object") return undefined
  const { callbackHost, callbackPort, clientId, clientSecret, grant, scope } = oauthIn(settings)
  const login = {
    ...present({
      clientId,
      clientSecret: clientSecret === undefined ? undefined : secret(clientSecret),
      scope,
      callbackPort,
      callbackHost
    }),
    ...(grant === "authorization_code" ? {} : { grantType: grant })
  }
  return Object.keys(login).length === 0 ? undefined : login
}
