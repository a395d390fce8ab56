/**
 * Gets a new token without a person: by the refresh token of a login, or by the client's own secret if the entry has
 * one.
 */
import {
  auth,
  discoverOAuthServerInfo,
  type AuthorizationServerMetadata,
  type OAuthClientProvider,
  type OAuthTokens,
  refreshAuthorization
} from "@modelcontextprotocol/client"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { present } from "../../schema/Fields.ts"
import type { RemoteServer } from "../config/Launch.ts"
import * as ClientKey from "./ClientKey.ts"
import * as Issuer from "./Issuer.ts"
import * as LoginFetch from "./LoginFetch.ts"
import * as OAuthErrors from "./OAuthErrors.ts"
import { type Authority, type ClientRegistration, secretsOf, type StoredLogin, type Tokens } from "./StoredLogin.ts"

/** How long the service may take. */
export const within = Duration.seconds(15)

/** `final`: the service will not renew this login any more. */
export class RenewalFailed extends Data.TaggedError("RenewalFailed")<{
  readonly final: boolean
  readonly detail: string
}> {
  override get message() {
    return this.detail
  }
}

/** Whether no person is needed, because the client's secret is the login. */
export const isUnattended = ({ oauth }: RemoteServer): boolean =>
  oauth.grant === "client_credentials" && oauth.clientId !== undefined && oauth.clientSecret !== undefined

export const isPossible = (server: RemoteServer, { authority, tokens }: StoredLogin): boolean =>
  isUnattended(server) || (authority !== undefined && tokens?.refresh !== undefined)

/** The tokens that replace those of `login`. */
export const renew = Effect.fn("Renewal.renew")(function* (
  server: RemoteServer,
  login: StoredLogin,
  fetch: typeof globalThis.fetch
) {
  const secrets = [...secretsOf(login), ...(server.oauth.clientSecret === undefined ? [] : [server.oauth.clientSecret])]
  const safely = LoginFetch.make(OAuthErrors.guarded(fetch))
  const tokens = yield* OAuthErrors.attempt(
    (signal) => {
      const fetchFn = (url: string | URL, init?: RequestInit) => safely(url, { ...init, signal })
      return isUnattended(server) ? byClient(server, login, fetchFn) : byRefreshToken(server, login, fetchFn)
    },
    () => secrets
  ).pipe(
    Effect.mapError(
      ({ code, detail, unreachable }) => new RenewalFailed({ final: code !== undefined && !unreachable, detail })
    ),
    Effect.timeoutFail({
      duration: within,
      onTimeout: () =>
        new RenewalFailed({ final: false, detail: `the login service took longer than ${Duration.format(within)}` })
    })
  )
  // a service that returns no scope has not changed it
  const scope = login.tokens?.scope === undefined ? {} : { scope: login.tokens.scope }
  return { ...scope, ...fromWire(tokens, yield* Clock.currentTimeMillis) }
})

/** Decodes tokens; `now` is in epoch milliseconds. */
export const fromWire = (tokens: OAuthTokens, now: number): Tokens => ({
  access: Redacted.make(tokens.access_token),
  ...(tokens.refresh_token === undefined ? {} : { refresh: Redacted.make(tokens.refresh_token) }),
  ...present({ scope: tokens.scope }),
  ...(tokens.expires_in === undefined ? {} : { expiresAt: now + tokens.expires_in * 1000 })
})

/** Whether the id is the URL of a client metadata document, which not every service supports. */
export const isDocument = (clientId: string | undefined): clientId is string =>
  clientId?.startsWith("https://") === true

/** The client in the SDK's format: the one that the entry names, else the registered one. */
export const clientOf = (server: RemoteServer, registered: ClientRegistration | undefined) => {
  const { clientId, clientSecret } = server.oauth
  if (clientId !== undefined && !isDocument(clientId)) {
    return {
      client_id: clientId,
      // a key signs, and is never sent
      ...(clientSecret === undefined || ClientKey.pemIn(clientSecret) !== undefined
        ? {}
        : { client_secret: Redacted.value(clientSecret) })
    }
  }
  return registered === undefined
    ? undefined
    : {
        client_id: registered.id,
        ...(registered.secret === undefined ? {} : { client_secret: Redacted.value(registered.secret) }),
        ...present({ token_endpoint_auth_method: registered.authMethod })
      }
}

/** The client, said to belong to the service that is asked: which one that may be is checked before it is asked. */
export const boundTo = <A extends object>(context: { readonly issuer?: string } | undefined, client: A | undefined) =>
  client === undefined || context?.issuer === undefined ? client : { ...client, issuer: context.issuer }

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>

const byRefreshToken = (server: RemoteServer, { authority, client, tokens }: StoredLogin, fetchFn: Fetch) => {
  const metadata = authority === undefined ? undefined : metadataOf(authority)
  const information = clientOf(server, client)
  return refreshAuthorization(authority?.issuer ?? "", {
    ...present({ metadata }),
    // without a client there was no login
    clientInformation: information ?? { client_id: "" },
    refreshToken: tokens?.refresh === undefined ? "" : Redacted.value(tokens.refresh),
    ...(authority?.resource === undefined ? {} : { resource: authority.resource }),
    fetchFn
  })
}

const metadataOf = ({ endpoints, issuer }: Authority): AuthorizationServerMetadata | undefined =>
  endpoints === undefined
    ? undefined
    : {
        issuer,
        authorization_endpoint: endpoints.authorization,
        token_endpoint: endpoints.token,
        response_types_supported: ["code"],
        ...(endpoints.authMethods === undefined
          ? {}
          : { token_endpoint_auth_methods_supported: [...endpoints.authMethods] })
      }

const signing = ({ oauth }: RemoteServer) => {
  const pem = ClientKey.pemIn(oauth.clientSecret)
  return pem === undefined || oauth.clientId === undefined
    ? {}
    : { addClientAuthentication: ClientKey.authentication(oauth.clientId, pem) }
}

/** Without this, the SDK's own provider would ask where the secret may be sent, and warn on the console. */
const byClient = (server: RemoteServer, { challenge }: StoredLogin, fetchFn: Fetch) => {
  const given: { tokens: OAuthTokens | undefined } = { tokens: undefined }
  const scope = server.oauth.scope
  const provider: OAuthClientProvider = {
    redirectUrl: undefined,
    clientMetadata: {
      redirect_uris: [],
      grant_types: ["client_credentials"],
      ...present({ scope })
    },
    clientInformation: (context) => boundTo(context, clientOf(server, undefined)),
    ...signing(server),
    tokens: () => undefined,
    saveTokens: (tokens) => {
      given.tokens = tokens
    },
    redirectToAuthorization: () => {},
    saveCodeVerifier: () => {},
    codeVerifier: () => "",
    prepareTokenRequest: (wanted) => {
      const words = scope ?? wanted ?? challenge?.scope
      return new URLSearchParams({
        grant_type: "client_credentials",
        ...present({ scope: words })
      })
    }
  }
  const serverUrl = Redacted.value(server.url)
  const where = challenge?.metadata === undefined ? {} : { resourceMetadataUrl: new URL(challenge.metadata) }
  return discoverOAuthServerInfo(serverUrl, { ...where, fetchFn, ...Issuer.checkedHere })
    .then((info) => {
      const other = Issuer.otherThanNamed(info)
      // a secret is only for the service that the server names
      return other === undefined
        ? auth(
            { ...provider, discoveryState: () => info },
            { serverUrl: Issuer.addressOf(serverUrl, info), ...where, fetchFn, ...Issuer.checkedHere }
          )
        : Promise.reject(new Issuer.OtherIssuer({ named: info.authorizationServerUrl, found: other }))
    })
    .then(() => given.tokens ?? Promise.reject(new TypeError("it sent no token")))
}
