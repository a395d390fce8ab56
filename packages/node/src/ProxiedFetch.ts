// @effect-diagnostics globalFetch:off processEnv:off -- this is where fetch meets Node and its environment
/** `fetch` through the proxy in the environment, which Node's own `fetch` (before 24) ignores. */
import { type Route, routeOf } from "./ProxyRules.ts"
import type { Dispatcher } from "undici"

type Fetch = typeof globalThis.fetch

type Proxy = Extract<Route, { readonly _tag: "Proxy" }>

/** The route to an address according to this process's environment. */
export const route = (url: string | URL): Route => routeOf(new URL(url), (name) => process.env[name])

export const fetch: Fetch = (input, init) => {
  const url = input instanceof Request ? input.url : String(input)
  const way = route(url)
  switch (way._tag) {
    case "Direct":
      return globalThis.fetch(input, init)
    case "Unusable":
      return Promise.reject(problem(`${way.variable} cannot be used: ${way.detail}. Correct or unset it.`))
    case "Proxy": {
      const plain = input instanceof Request ? new Request(input, init) : undefined
      return through(way, url, plain === undefined ? init : { ...init, ...fieldsOf(plain) })
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const fieldsOf = ({ body, headers, method, redirect, signal }: Request): RequestInit => ({
  method,
  headers,
  redirect,
  signal,
  ...(body === null ? {} : { body, duplex: "half" as const })
})

// loaded only if there is a proxy, because it would slow down every start
const undici = () => import("undici")

const agents = new Map<string, Dispatcher>()

const through = (proxy: Proxy, url: string, init: RequestInit | undefined): Promise<Response> =>
  undici().then(({ ProxyAgent, fetch }) => {
    const dispatcher = agents.get(proxy.url.href) ?? new ProxyAgent(optionsOf(proxy))
    agents.set(proxy.url.href, dispatcher)
    // its types and Node's describe the same objects
    const options = { ...init, dispatcher } as NonNullable<Parameters<typeof fetch>[1]>
    return fetch(url, options).then(
      ({ body, headers, status, statusText }) =>
        // of Node's own class, for which others check
        new Response(
          [101, 204, 205, 304].includes(status) ? null : (body as ConstructorParameters<typeof Response>[0]),
          {
            status,
            statusText,
            headers: [...headers]
          }
        ),
      (cause: unknown) => {
        throw isAbort(cause) ? cause : problem(told(proxy, new URL(url).host, cause))
      }
    )
  })

const optionsOf = ({ url }: Proxy) => {
  const { password, username } = url
  const plain = new URL(url)
  if (url.protocol.startsWith("socks")) return { uri: plain.href }
  plain.username = ""
  plain.password = ""
  const shown = Buffer.from(`${unescaped(username)}:${unescaped(password)}`).toString("base64")
  return {
    uri: plain.href,
    // a plain HTTP request goes to the proxy without a tunnel: many proxies tunnel only to port 443
    proxyTunnel: false,
    ...(username === "" ? {} : { token: `Basic ${shown}` })
  }
}

const unescaped = (text: string) => (/%(?![0-9a-f]{2})/i.test(text) ? text : decodeURIComponent(text))

/** In the form of a network failure, with the cause. */
const problem = (message: string) => new TypeError("fetch failed", { cause: new Error(message) })

const isAbort = (cause: unknown) => cause instanceof Error && cause.name === "AbortError"

/** The messages of an error and its causes. */
const chain = (error: unknown, depth = 5): ReadonlyArray<string> =>
  error instanceof Error && depth > 0 ? [error.message, ...chain(error.cause, depth - 1)] : []

const told = ({ url, variable }: Proxy, host: string, cause: unknown): string => {
  const all = chain(cause)
  const detail = all.at(-1) ?? String(cause)
  const proxy = `The proxy ${url.protocol}//${url.host} (${variable})`
  const status = /Proxy response \((\d+)\)/.exec(all.join("\n"))?.[1]
  if (status === "407" || all.join("\n").includes("(407)")) {
    return `${proxy} requires a user and a password: write them into ${variable}, as in http://USER:PASSWORD@HOST:PORT.`
  }
  return status === undefined
    ? `${proxy} did not reach ${host}: ${detail}. Correct ${variable}, or name the host in NO_PROXY.`
    : `${proxy} answered ${status} instead of connecting to ${host}. Ask its administrator, or name the host in NO_PROXY.`
}
