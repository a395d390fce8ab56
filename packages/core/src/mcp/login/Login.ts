/**
 * One login: finds out which service grants access to a server, sends the person there, and exchanges the returned code
 * for tokens. The steps are the SDK's; this module decides what is requested, checked and stored.
 */
import {
  auth,
  discoverOAuthServerInfo,
  type JSONRPCRequest,
  LATEST_PROTOCOL_VERSION,
  type OAuthClientInformationMixed,
  type OAuthClientProvider,
  type OAuthServerInfo,
  type OAuthTokens
} from "@modelcontextprotocol/client"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { present } from "../../schema/Fields.ts"
import type { RemoteServer } from "../config/Launch.ts"
import * as ModernRequests from "../reading/ModernRequests.ts"
import * as AuthorizedFetch from "./AuthorizedFetch.ts"
import { type Callback, type CallbackFailed, codeIn, type OpenCallback } from "./Callback.ts"
import * as Issuer from "./Issuer.ts"
import * as LoginFetch from "./LoginFetch.ts"
import { McpLoginFailed } from "./McpLoginFailed.ts"
import * as OAuthErrors from "./OAuthErrors.ts"
import * as Renewal from "./Renewal.ts"
import { type Authority, type Challenge, type ClientRegistration, type StoredLogin, union } from "./StoredLogin.ts"

export interface LoginOptions {
  readonly server: RemoteServer
  /** The stored login: which rights were requested and granted before. */
  readonly before: StoredLogin
  readonly fetch: typeof globalThis.fetch
  readonly openCallback: OpenCallback
  /** How long the person may take. */
  readonly timeout: Duration.Duration
}

/**
 * Registers a client each time, unless the entry names one: a registration is bound to its redirect URI, and one that
 * the service has forgotten would only show an error page.
 */
export const login = Effect.fn("Login.login")(function* (options: LoginOptions) {
  const { before, server, timeout } = options
  const { oauth } = server
  const failed = (reason: McpLoginFailed["reason"], detail = "") =>
    new McpLoginFailed({ server: server.name, reason, detail })

  /** Issuers whose metadata promise to identify themselves in the callback; the SDK drops this field for some. */
  const promising = new Set<unknown>()
  const fetch = LoginFetch.make(OAuthErrors.guarded(options.fetch), (metadata) => {
    if (metadata["authorization_response_iss_parameter_supported"] === true) promising.add(metadata["issuer"])
  })
  const secrets: Array<Redacted.Redacted> = oauth.clientSecret === undefined ? [] : [oauth.clientSecret]
  const step = <A>(
    reason: (error: OAuthErrors.OAuthFailed) => McpLoginFailed["reason"],
    run: (fetchFn: LoginFetch.Fetch) => Promise<A>
  ) =>
    OAuthErrors.attempt(
      (signal) => run((url, init) => fetch(url, { ...init, signal })),
      () => secrets
    ).pipe(
      Effect.mapError((error) => failed(error.insecure ? "Insecure" : reason(error), error.detail)),
      Effect.timeoutFail({
        duration: Renewal.within,
        onTimeout: () => failed("Unreachable", `it took longer than ${Duration.format(Renewal.within)}`)
      })
    )

  const url = Redacted.value(server.url)
  // the user chose the server's own address, so any address is allowed
  const asked = yield* step(
    () => "Unreachable",
    () => challengeAt(url, options.fetch)
  )
  const challenge = { ...before.challenge, ...asked }
  const metadataUrl = challenge.metadata === undefined ? {} : { resourceMetadataUrl: new URL(challenge.metadata) }
  const info = yield* step(unlessUnreachable("NoMetadata"), (fetchFn) =>
    discoverOAuthServerInfo(url, { ...metadataUrl, fetchFn, ...Issuer.checkedHere })
  )
  const hasMetadata = info.resourceMetadata !== undefined || info.authorizationServerMetadata !== undefined
  if (asked === undefined && before.lacks === undefined && !hasMetadata) return yield* failed("NotWanted")

  const other = Issuer.otherThanNamed(info)
  if (other !== undefined) {
    const { message } = new Issuer.OtherIssuer({ named: info.authorizationServerUrl, found: other })
    return yield* failed("OtherIssuer", message)
  }

  const unheard = Effect.mapError(({ detail }: CallbackFailed) => failed("Callback", detail))
  const callback = yield* unheard(options.openCallback(oauth.callbackPort))
  const scope = scopeOf(options, info, union(challenge.scope, before.challenge?.scope))
  const run = (
    provider: OAuthClientProvider,
    reason: (error: OAuthErrors.OAuthFailed) => McpLoginFailed["reason"],
    answered: { readonly authorizationCode?: string; readonly iss?: string } = {}
  ) =>
    step(reason, (fetchFn) =>
      auth(provider, {
        serverUrl: Issuer.addressOf(url, info),
        ...metadataUrl,
        ...present({ scope }),
        ...answered,
        ...Issuer.checkedHere,
        fetchFn
      })
    )
  const refused = { redirect: false }
  const begin = (redirectUrl: string) => {
    const flow = makeFlow({ server, info, scope, callback: { ...callback, redirectUrl }, secrets })
    return Effect.as(
      run(flow.provider, (error) => {
        refused.redirect = isAboutRedirects(error)
        return hasMetadata ? notBegun(error) : "NoMetadata"
      }),
      flow
    )
  }
  // some services accept only one of this machine's two names
  const own =
    oauth.callbackHost === undefined ? callback.redirectUrl : underName(oauth.callbackHost, callback.redirectUrl)
  const flow = yield* begin(own).pipe(
    Effect.catchIf(
      () => refused.redirect,
      (first) => Effect.mapError(begin(underOtherName(own)), (second) => (refused.redirect ? first : second))
    )
  )

  const page = flow.made.page
  if (page === undefined) return yield* failed("Incompatible", "it named no login page")
  if (!OAuthErrors.isSafe(page)) return yield* failed("Insecure", page.origin)

  const answer = yield* unheard(callback.visit(page.href)).pipe(
    Effect.timeoutFail({ duration: timeout, onTimeout: () => failed("Timeout", Duration.format(timeout)) })
  )
  const code = yield* codeIn(answer, {
    server: server.name,
    state: callback.state,
    issuer: info.authorizationServerMetadata?.issuer,
    names: promising.has(info.authorizationServerMetadata?.issuer)
  })
  secrets.push(code)
  yield* run(flow.provider, unlessUnreachable("Refused"), {
    authorizationCode: Redacted.value(code),
    ...present({ iss: answer.get("iss") ?? undefined })
  })
  const { client, tokens } = flow.made
  if (tokens === undefined) return yield* failed("Refused", "it sent no token")
  const kept: StoredLogin = {
    version: 1,
    server: server.name,
    url: server.url,
    // the client data of the entry are not stored a second time
    ...(client === undefined || client.client_id === oauth.clientId ? {} : { client: registrationOf(client) }),
    tokens: { ...present({ scope }), ...Renewal.fromWire(tokens, yield* Clock.currentTimeMillis) },
    authority: authorityOf(info)
  }
  return kept
}, Effect.scoped)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/**
 * The login that a server requires, found out by a request without one; undefined when it requires none. A server that
 * refuses the older revisions to everybody says what it requires in the newest one; the older transport comes last.
 */
const challengeAt = (url: string, fetch: LoginFetch.Fetch): Promise<Challenge | undefined> =>
  ask(fetch, url, posted(initialize))
    .then((challenge) => challenge ?? ask(fetch, url, posted(discover, discoverHeaders)))
    .then((challenge) => challenge ?? ask(fetch, url, { headers: { accept: "text/event-stream" } }))

const posted = (message: JSONRPCRequest, headers: Readonly<Record<string, string>> = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
  body: JSON.stringify(message)
})

const initialize: JSONRPCRequest = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: LATEST_PROTOCOL_VERSION,
    capabilities: {},
    clientInfo: { name: "lms-bridge", version: "0.1.0" }
  }
}

const discover = ModernRequests.discovering(initialize, 0)

const discoverHeaders = { "mcp-protocol-version": ModernRequests.revision, "mcp-method": discover.method }

const ask = (fetch: LoginFetch.Fetch, url: string, init: RequestInit) =>
  fetch(url, init).then((response) => {
    const challenge = AuthorizedFetch.challengeOf(response)
    return Promise.resolve(response.body?.cancel()).then(() => {
      if (challenge === undefined) return undefined
      const { rights: _, ...asked } = challenge
      return asked
    })
  })

const unlessUnreachable =
  (reason: McpLoginFailed["reason"]) =>
  ({ unreachable }: OAuthErrors.OAuthFailed): McpLoginFailed["reason"] =>
    unreachable ? "Unreachable" : reason

/** The messages of a service that refuses the redirect URI. */
const isAboutRedirects = ({ detail }: OAuthErrors.OAuthFailed) =>
  /redirect|localhost|127\.0\.0\.1|loopback/i.test(detail)

const underName = (host: string, redirectUrl: string) =>
  redirectUrl.replace(/\/\/(?:localhost|127\.0\.0\.1):/, `//${host}:`)

const underOtherName = (redirectUrl: string) =>
  underName(redirectUrl.includes("//localhost:") ? "127.0.0.1" : "localhost", redirectUrl)

const notBegun = (error: OAuthErrors.OAuthFailed): McpLoginFailed["reason"] => {
  const { code, detail, status } = error
  const isRegistration = code !== undefined || status !== undefined || detail.includes("registration")
  return unlessUnreachable(isRegistration ? "RegistrationRefused" : "Incompatible")(error)
}

/**
 * The entry's scope, else what the server requests in addition to what was granted before, else all supported scopes.
 * Many services give refresh tokens only to clients that request offline access.
 */
const scopeOf = ({ before, server }: LoginOptions, info: OAuthServerInfo, asked: string | undefined) => {
  if (server.oauth.scope !== undefined) return server.oauth.scope
  const granted = before.lacks === "rights" || before.lacks === "refused" ? before.tokens?.scope : undefined
  const wanted = union(granted, asked) ?? union(...(info.resourceMetadata?.scopes_supported ?? []))
  const offline = info.authorizationServerMetadata?.scopes_supported?.includes("offline_access") === true
  return wanted !== undefined && offline ? union(wanted, "offline_access") : wanted
}

/** For registrations: a web application may not redirect to this machine. Missing in the SDK's type. */
const native: object = { application_type: "native" }

/** The SDK's interface to this login, and its results. */
const makeFlow = ({
  callback,
  info,
  scope,
  secrets,
  server
}: {
  readonly server: RemoteServer
  readonly info: OAuthServerInfo
  readonly scope: string | undefined
  readonly callback: Callback
  readonly secrets: Array<Redacted.Redacted>
}) => {
  const made: {
    page: URL | undefined
    client: OAuthClientInformationMixed | undefined
    tokens: OAuthTokens | undefined
    verifier: Redacted.Redacted
  } = { page: undefined, client: Renewal.clientOf(server, undefined), tokens: undefined, verifier: Redacted.make("") }
  const hide = (...values: ReadonlyArray<string | undefined>) => {
    for (const value of values) if (value !== undefined) secrets.push(Redacted.make(value))
  }
  const { clientId } = server.oauth
  const provider: OAuthClientProvider = {
    redirectUrl: callback.redirectUrl,
    clientMetadata: {
      ...native,
      client_name: "lms-bridge",
      redirect_uris: [callback.redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: authMethodOf(info),
      ...present({ scope })
    },
    ...(Renewal.isDocument(clientId) ? { clientMetadataUrl: clientId } : {}),
    state: () => callback.state,
    clientInformation: (context) => Renewal.boundTo(context, made.client),
    saveClientInformation: (client) => {
      hide(client.client_secret)
      made.client = client
    },
    tokens: () => undefined,
    saveTokens: (tokens) => {
      hide(tokens.access_token, tokens.refresh_token)
      made.tokens = tokens
    },
    redirectToAuthorization: (page) => {
      made.page = page
    },
    // needed once, by this process: never written to disk
    saveCodeVerifier: (verifier) => {
      hide(verifier)
      made.verifier = Redacted.make(verifier)
    },
    codeVerifier: () => Redacted.value(made.verifier),
    discoveryState: () => info
  }
  return { provider, made }
}

/** A program on a user's machine cannot keep a secret of its own, so it has none unless the service insists. */
const authMethodOf = ({ authorizationServerMetadata }: OAuthServerInfo) => {
  const supported = authorizationServerMetadata?.token_endpoint_auth_methods_supported ?? ["none"]
  return supported.includes("none")
    ? "none"
    : (supported.find((method) => method.startsWith("client_secret_")) ?? "none")
}

const registrationOf = (client: OAuthClientInformationMixed): ClientRegistration => ({
  id: client.client_id,
  ...(client.client_secret === undefined ? {} : { secret: Redacted.make(client.client_secret) }),
  ...("token_endpoint_auth_method" in client && client.token_endpoint_auth_method !== undefined
    ? { authMethod: client.token_endpoint_auth_method }
    : {})
})

const authorityOf = (info: OAuthServerInfo): Authority => {
  const metadata = info.authorizationServerMetadata
  const methods = metadata?.token_endpoint_auth_methods_supported
  return {
    issuer: info.authorizationServerUrl,
    ...(metadata === undefined
      ? {}
      : {
          endpoints: {
            authorization: metadata.authorization_endpoint,
            token: metadata.token_endpoint,
            ...("revocation_endpoint" in metadata && metadata.revocation_endpoint !== undefined
              ? { revocation: metadata.revocation_endpoint }
              : {}),
            ...present({ authMethods: methods })
          }
        }),
    ...(info.resourceMetadata === undefined ? {} : { resource: info.resourceMetadata.resource })
  }
}
