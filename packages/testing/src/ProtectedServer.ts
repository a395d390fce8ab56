// @effect-diagnostics nodeBuiltinImport:off -- real sockets are the point
/**
 * A remote MCP server that requires a login, and the OAuth login service for it: both on one loopback port, as strict
 * as the specifications, with configurable faults. Its one tool, `whoami`, names the token's user.
 */
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js"
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js"
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import { createHash, randomUUID } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { present } from "@lms-bridge/core/Json"
import * as Modern from "./ModernAnswers.ts"

/** Its unusual behaviour. Everything can be changed while it runs. */
export interface Behaviour {
  /** Whether it accepts everybody after all. */
  open: boolean
  /** Whether it speaks only revision 2026-07-28, and says so to everybody who begins with `initialize`. */
  modern: boolean
  /** Whether it takes tokens of this service at all; one that has moved to another does not. */
  moved: boolean
  /** Whether it says where to log in. */
  metadata: boolean
  /** What happens to a client that registers itself. */
  registration: "open" | "refused" | "none"
  /** Secrets of manually registered clients, by id. */
  clients: Record<string, string>
  /** How clients authenticate, according to its metadata. */
  authMethods: ReadonlyArray<string>
  /** What the person at the login page does. */
  person: "agrees" | "refuses" | "is somebody else's"
  /** Reported lifetime of an access token, in seconds. */
  lasts: number
  /** Whether a refresh token comes with each token; it can be used once. */
  refreshes: boolean
  /** The scope that calling the tool requires. */
  scope: string
  /** The scope that it names to somebody without a login. */
  challenged: string | undefined
  /** Whether it refuses calls for want of `challenged`, whatever the token has. */
  stubborn: boolean
  /** The issuer in its answers to the browser; its own address when undefined. */
  issuer: string | undefined
  /** The login page, if it is elsewhere. */
  page: string | undefined
  /** The issuer in its metadata; its own address when undefined. */
  metadataOf: string | undefined
  /** Whether it promises to include its issuer in the answers to the browser, and does. */
  namesItself: "no" | "yes" | "promised and not done"
  /** The only host that a redirect URI may have. */
  comesBackTo: string | undefined
}

export interface ProtectedServer {
  /** The MCP server's address, and the same for the older transport. */
  readonly url: string
  readonly sse: string
  readonly behaviour: Behaviour
  /** The requests it received, in order: `register`, `login`, `token`, `refresh`, `revoke`. */
  readonly seen: ReadonlyArray<string>
  /** The scopes that logins requested, in order; "" for none. */
  readonly scopes: ReadonlyArray<string>
  /** Everything that must never be shown: tokens, codes, verifiers, client secrets. */
  readonly secrets: ReadonlySet<string>
  /** Expires all access tokens, and optionally all refresh tokens. */
  readonly expire: () => void
  readonly revoke: () => void
  /** Opens a login page like a browser, and follows redirects; returns the text of the final page. */
  readonly browse: (page: string) => Promise<string>
}

/** Lives as long as the scope. */
export const make = (behaviour: Partial<Behaviour> = {}) =>
  Effect.acquireRelease(
    Effect.async<ProtectedServer & { readonly close: () => void }>((resume) => {
      const state = begin(behaviour)
      const http = createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => answer(state, request, response, Buffer.concat(chunks).toString("utf8")))
      })
      http.listen(0, "127.0.0.1", () => {
        const address = http.address()
        state.origin = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
        resume(
          Effect.succeed({
            url: `${state.origin}/mcp`,
            sse: `${state.origin}/sse`,
            behaviour: state.behaviour,
            seen: state.seen,
            scopes: state.scopes,
            secrets: state.secrets,
            expire: () => state.access.clear(),
            revoke: () => {
              state.access.clear()
              state.refresh.clear()
            },
            browse: (page) => browser(page).then((response) => response.text()),
            close: () => {
              http.closeAllConnections()
              http.close()
            }
          })
        )
      })
    }),
    ({ close }) => Effect.sync(close)
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Grant {
  readonly client: string
  readonly scope: string
}

interface State {
  origin: string
  readonly behaviour: Behaviour
  readonly seen: Array<string>
  readonly scopes: Array<string>
  readonly secrets: Set<string>
  /** Secrets of clients, "" for those without one. */
  readonly clients: Map<string, { readonly secret: string; readonly redirects: ReadonlyArray<string> | undefined }>
  readonly codes: Map<
    string,
    Grant & { readonly challenge: string; readonly redirect: string; readonly resource: string }
  >
  readonly access: Map<string, Grant>
  readonly refresh: Map<string, Grant>
  readonly streams: Map<string, SSEServerTransport>
}

// the person's browser is not part of the program, so it does not use the program's Fetch
// @effect-diagnostics-next-line globalFetch:off
const browser = (page: string) => globalThis.fetch(page)

const begin = (given: Partial<Behaviour>): State => {
  const behaviour: Behaviour = {
    open: false,
    modern: false,
    moved: false,
    metadata: true,
    registration: "open",
    clients: {},
    authMethods: ["none", "client_secret_basic", "client_secret_post"],
    person: "agrees",
    lasts: 3600,
    refreshes: true,
    scope: "tools",
    challenged: undefined,
    stubborn: false,
    issuer: undefined,
    page: undefined,
    metadataOf: undefined,
    namesItself: "yes",
    comesBackTo: undefined,
    ...given
  }
  const secrets = new Set(Object.values(behaviour.clients))
  const byHand = Object.entries(behaviour.clients).map(
    ([id, secret]) => [id, { secret, redirects: undefined }] as const
  )
  return {
    origin: "",
    behaviour,
    seen: [],
    scopes: [],
    secrets,
    clients: new Map(byHand),
    codes: new Map(),
    access: new Map(),
    refresh: new Map(),
    streams: new Map()
  }
}

const answer = (state: State, request: IncomingMessage, response: ServerResponse, body: string) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", state.origin)
  switch (`${request.method} ${pathname}`) {
    case "GET /.well-known/oauth-protected-resource":
      if (!state.behaviour.metadata) break
      return json(response, 200, { resource: state.origin, authorization_servers: [state.origin] })
    case "GET /.well-known/oauth-authorization-server":
      if (!state.behaviour.metadata) break
      return json(response, 200, metadata(state))
    case "POST /register":
      if (!state.behaviour.metadata) break
      return register(state, response, JSON.parse(body))
    case "GET /authorize":
      return authorize(state, response, searchParams)
    case "POST /token":
      return token(state, request, response, new URLSearchParams(body))
    case "POST /revoke":
      state.seen.push("revoke")
      state.refresh.delete(new URLSearchParams(body).get("token") ?? "")
      return json(response, 200, {})
    case "POST /mcp":
    case "GET /sse":
    case "POST /message":
      return protect(state, request, response, body, searchParams.get("sessionId") ?? "")
  }
  return json(response, 404, { error: "not_found" })
}

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) =>
  void response
    .writeHead(status, { "content-type": "application/json", connection: "close", ...headers })
    .end(JSON.stringify(body))

const metadata = ({ behaviour, origin }: State) => ({
  issuer: behaviour.metadataOf ?? origin,
  ...(behaviour.namesItself === "no" ? {} : { authorization_response_iss_parameter_supported: true }),
  authorization_endpoint: behaviour.page ?? `${origin}/authorize`,
  token_endpoint: `${origin}/token`,
  revocation_endpoint: `${origin}/revoke`,
  ...(behaviour.registration === "none" ? {} : { registration_endpoint: `${origin}/register` }),
  response_types_supported: ["code"],
  grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
  code_challenge_methods_supported: ["S256"],
  token_endpoint_auth_methods_supported: behaviour.authMethods
})

const newSecret = (state: State, kind: string) => {
  const secret = `${kind}-${randomUUID()}`
  state.secrets.add(secret)
  return secret
}

const register = (state: State, response: ServerResponse, client: Readonly<Record<string, unknown>>) => {
  state.seen.push("register")
  if (state.behaviour.registration !== "open") {
    return json(response, 403, { error: "access_denied", error_description: "only by hand" })
  }
  // OpenID Connect registration refuses http and loopback for web applications, which is the default application type
  if (client["application_type"] !== "native") return json(response, 400, { error: "invalid_client_metadata" })
  const asked = Array.isArray(client["redirect_uris"]) ? client["redirect_uris"].map(String) : []
  const { comesBackTo = "" } = state.behaviour
  if (comesBackTo !== "" && asked.some((uri) => new URL(uri).hostname !== comesBackTo)) {
    return json(response, 400, { error: "invalid_redirect_uri" })
  }
  const id = `client-${state.clients.size + 1}`
  const secret = client["token_endpoint_auth_method"] === "none" ? "" : newSecret(state, "client-secret")
  const redirects = Array.isArray(client["redirect_uris"]) ? client["redirect_uris"].map(String) : []
  state.clients.set(id, { secret, redirects })
  return json(response, 201, { ...client, client_id: id, ...(secret === "" ? {} : { client_secret: secret }) })
}

const authorize = (state: State, response: ServerResponse, asked: URLSearchParams) => {
  const { behaviour } = state
  const client = state.clients.get(asked.get("client_id") ?? "")
  const redirect = asked.get("redirect_uri") ?? ""
  // a manually registered client also has one redirect URI
  const isTaken = () => behaviour.comesBackTo === undefined || new URL(redirect).hostname === behaviour.comesBackTo
  const isKnown = client !== undefined && (client.redirects?.includes(redirect) ?? isTaken())
  if (!isKnown || asked.get("code_challenge_method") !== "S256" || asked.get("response_type") !== "code") {
    return json(response, 400, { error: "invalid_request" })
  }
  state.seen.push("login")
  state.scopes.push(asked.get("scope") ?? "")
  const back = new URL(redirect)
  const said = asked.get("state") ?? ""
  back.searchParams.set("state", behaviour.person === "is somebody else's" ? `${said}x` : said)
  if (behaviour.namesItself === "yes") back.searchParams.set("iss", behaviour.issuer ?? state.origin)
  if (behaviour.person === "refuses") {
    back.searchParams.set("error", "access_denied")
    back.searchParams.set("error_description", "The person said no.")
  } else {
    const code = newSecret(state, "code")
    back.searchParams.set("code", code)
    state.codes.set(code, {
      client: asked.get("client_id") ?? "",
      scope: asked.get("scope") ?? behaviour.scope,
      challenge: asked.get("code_challenge") ?? "",
      redirect,
      resource: asked.get("resource") ?? ""
    })
  }
  return void response.writeHead(302, { location: back.href, connection: "close" }).end()
}

/** The id of the client, if it authenticates in an allowed way. */
const clientOf = ({ behaviour, clients }: State, { headers }: IncomingMessage, form: URLSearchParams) => {
  const basic = /^Basic (.+)$/.exec(headers.authorization ?? "")?.[1]
  const [id = "", secret = ""] =
    basic === undefined
      ? [form.get("client_id") ?? "", form.get("client_secret") ?? ""]
      : Buffer.from(basic, "base64").toString("utf8").split(":")
  const way = basic !== undefined ? "client_secret_basic" : secret === "" ? "none" : "client_secret_post"
  return clients.get(id)?.secret === secret && behaviour.authMethods.includes(way) ? id : undefined
}

const token = (state: State, request: IncomingMessage, response: ServerResponse, form: URLSearchParams) => {
  const client = clientOf(state, request, form)
  if (client === undefined) return json(response, 401, { error: "invalid_client" })
  const refused = (error: string) => json(response, 400, { error, error_description: `${error}: ${form.toString()}` })
  switch (form.get("grant_type")) {
    case "authorization_code": {
      state.seen.push("token")
      const code = form.get("code") ?? ""
      const grant = state.codes.get(code)
      const verifier = form.get("code_verifier") ?? ""
      state.secrets.add(verifier)
      state.codes.delete(code)
      const isProven = createHash("sha256").update(verifier).digest("base64url") === grant?.challenge
      const isSame = grant?.client === client && grant.redirect === form.get("redirect_uri")
      const isMeant = grant?.resource === state.origin && form.get("resource") === grant.resource
      return grant !== undefined && isProven && isSame && isMeant
        ? issue(state, response, grant)
        : refused("invalid_grant")
    }
    case "refresh_token": {
      state.seen.push("refresh")
      const used = form.get("refresh_token") ?? ""
      const grant = state.refresh.get(used)
      state.refresh.delete(used)
      return grant?.client === client ? issue(state, response, grant) : refused("invalid_grant")
    }
    case "client_credentials":
      state.seen.push("token")
      return issue(state, response, { client, scope: form.get("scope") ?? state.behaviour.scope })
    default:
      return refused("unsupported_grant_type")
  }
}

const issue = (state: State, response: ServerResponse, grant: Grant) => {
  const access = newSecret(state, "access")
  state.access.set(access, grant)
  const refresh = state.behaviour.refreshes ? newSecret(state, "refresh") : undefined
  if (refresh !== undefined) state.refresh.set(refresh, grant)
  return json(response, 200, {
    access_token: access,
    token_type: "Bearer",
    expires_in: state.behaviour.lasts,
    scope: grant.scope,
    ...present({ refresh_token: refresh })
  })
}

const protect = (state: State, request: IncomingMessage, response: ServerResponse, body: string, sessionId: string) => {
  if (state.behaviour.modern) {
    if (request.method === "GET") return json(response, 405, {})
    if (body.includes('"initialize"')) return json(response, 400, Modern.refusal(JSON.parse(body)))
  }
  const where = `resource_metadata="${state.origin}/.well-known/oauth-protected-resource"`
  const challenge = state.behaviour.metadata ? `, ${where}` : ""
  const shown = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? ""
  const { challenged, scope, stubborn } = state.behaviour
  const known = state.behaviour.moved ? undefined : state.access.get(shown)
  const grant = known ?? (state.behaviour.open ? { client: "anybody", scope: "tools" } : undefined)
  if (grant === undefined) {
    const said = { error: "invalid_token", error_description: `not known: ${shown}` }
    const wanted = challenged === undefined ? "" : `, scope="${challenged}"`
    return json(response, 401, said, { "www-authenticate": `Bearer error="invalid_token"${wanted}${challenge}` })
  }
  if (body.includes('"tools/call"') && (stubborn || !grant.scope.split(" ").includes(scope))) {
    const header = `Bearer error="insufficient_scope", scope="${stubborn ? challenged : scope}"${challenge}`
    return json(response, 403, { error: "insufficient_scope" }, { "www-authenticate": header })
  }
  if (state.behaviour.modern) return json(response, 200, Modern.answer(JSON.parse(body), grant.client))
  if (sessionId !== "") {
    return void state.streams.get(sessionId)?.handlePostMessage(request, response, JSON.parse(body))
  }
  const server = new Server({ name: "protected", version: "1" }, { capabilities: { tools: {} } })
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: "whoami", inputSchema: { type: "object" } }]
  }))
  server.setRequestHandler(CallToolRequestSchema, () => ({ content: [{ type: "text", text: grant.client }] }))
  response.on("close", () => void server.close())
  if (request.method === "GET") {
    const stream = new SSEServerTransport("/message", response)
    state.streams.set(stream.sessionId, stream)
    return void server.connect(stream)
  }
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  return void server.connect(transport).then(() => transport.handleRequest(request, response, JSON.parse(body)))
}
