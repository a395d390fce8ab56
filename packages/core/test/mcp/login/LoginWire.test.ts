import { assert, describe, it } from "@effect/vitest"
import { codeIn } from "#src/mcp/login/Callback.ts"
import * as Issuer from "#src/mcp/login/Issuer.ts"
import * as LoginFetch from "#src/mcp/login/LoginFetch.ts"
import * as LoginWire from "#src/mcp/login/LoginWire.ts"
import { McpLoginFailed } from "#src/mcp/login/McpLoginFailed.ts"
import * as ServerReason from "#src/mcp/reading/ServerReason.ts"
import { Effect, FastCheck } from "effect"

const metadata = { _tag: "Metadata", url: "https://login.example/.well-known/oauth-authorization-server" } as const
const tokens = { _tag: "Tokens", url: "https://login.example/token" } as const
const registration = {
  _tag: "Registration",
  url: "https://login.example/register",
  redirectUris: ["http://127.0.0.1:7/callback"]
} as const

describe("documents of a login service", () => {
  const table: ReadonlyArray<readonly [string, unknown, LoginWire.Asked, Readonly<Record<string, unknown>>]> = [
    ["null is absent", { access_token: "t", refresh_token: null, scope: null }, tokens, { access_token: "t" }],
    [
      "an empty string is absent",
      { access_token: "t", refresh_token: "", id_token: " " },
      tokens,
      { access_token: "t" }
    ],
    [
      "scopes in a list are joined",
      { access_token: "t", scope: ["a", "b"] },
      tokens,
      { access_token: "t", scope: "a b" }
    ],
    [
      "a lifetime as a string is a number",
      { access_token: "t", expires_in: "60" },
      tokens,
      { access_token: "t", expires_in: 60 }
    ],
    ["a lifetime of zero is absent", { access_token: "t", expires_in: 0 }, tokens, { access_token: "t" }],
    ["a number may name a client", { client_id: 12, client_secret: null }, registration, { client_id: "12" }],
    [
      "a time as a string is a number",
      { client_id: "c", client_id_issued_at: "5" },
      registration,
      { client_id: "c", client_id_issued_at: 5 }
    ],
    [
      "an invalid address is absent",
      { client_id: "c", client_uri: "n/a", logo_uri: "" },
      registration,
      { client_id: "c" }
    ],
    [
      "one word instead of a list",
      { grant_types_supported: "authorization_code" },
      metadata,
      { grant_types_supported: ["authorization_code"] }
    ],
    ["an address without its host", { token_endpoint: "/t" }, metadata, { token_endpoint: "https://login.example/t" }],
    [
      "s256 in lower case",
      { code_challenge_methods_supported: ["s256"] },
      metadata,
      { code_challenge_methods_supported: ["S256"] }
    ],
    [
      "true as a string",
      { client_id_metadata_document_supported: "true" },
      metadata,
      { client_id_metadata_document_supported: true }
    ]
  ]
  for (const [what, json, asked, meant] of table) {
    it(`are decoded leniently: ${what}`, () => {
      const found = LoginWire.tidied(json, asked)
      for (const [key, value] of Object.entries(meant)) assert.deepStrictEqual(found?.[key], value)
      const left = Object.keys(json as object).filter((key) => found !== undefined && key in found)
      assert.sameMembers(left, Object.keys(meant))
    })
  }

  it("get the defaults of their specification, and no missing required fields", () => {
    assert.deepInclude(LoginWire.tidied({ client_id: "c" }, registration), { redirect_uris: registration.redirectUris })
    assert.deepInclude(LoginWire.tidied({ access_token: "t" }, tokens), { token_type: "Bearer" })
    assert.deepStrictEqual(LoginWire.tidied({}, tokens), {})
    assert.notProperty(LoginWire.tidied({ authorization_endpoint: "https://a/b" }, metadata), "token_endpoint")
    assert.notProperty(LoginWire.tidied({ token_endpoint: "javascript:x" }, metadata), "token_endpoint")
  })

  it("may be any JSON", () => {
    const asked = FastCheck.constantFrom<LoginWire.Asked>(metadata, tokens, registration)
    const keys = FastCheck.constantFrom(
      "scope",
      "issuer",
      "expires_in",
      "redirect_uris",
      "token_endpoint",
      "client_id",
      "x"
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.dictionary(keys, FastCheck.jsonValue()), asked, (json, asked) => {
        const found = LoginWire.tidied(json, asked)
        assert.isTrue(Object.values(found ?? {}).every((value) => value !== null))
      })
    )
  })
})

describe("an answer of a login service on its way to the SDK", () => {
  const answering = (body: string, status = 200) =>
    LoginFetch.make(() => Promise.resolve(new Response(body, { status })))
  const post = { method: "POST", body: new URLSearchParams({ grant_type: "refresh_token" }) }

  it.effect("is not metadata if it is the start page of a web application", () =>
    Effect.gen(function* () {
      const response = yield* Effect.promise(() => answering("<!doctype html><p>Hello")("https://a/.well-known/x"))
      assert.strictEqual(response.status, 404)
    })
  )
  it.effect("is a refusal if it says so, whatever its status", () =>
    Effect.gen(function* () {
      const response = yield* Effect.promise(() => answering('{"error":"bad_code"}')("https://a/token", post))
      assert.strictEqual(response.status, 400)
    })
  )
  it.effect("may be a form", () =>
    Effect.gen(function* () {
      const response = yield* Effect.promise(() => answering("access_token=t&scope=a")("https://a/token", post))
      assert.deepInclude(yield* Effect.promise(() => response.json()), { access_token: "t", token_type: "Bearer" })
    })
  )
})

describe("the issuer of a login service", () => {
  const info = (named: string, found: string) => ({
    authorizationServerUrl: named,
    resourceMetadata: { resource: "https://mcp.example/mcp", authorization_servers: [named] },
    authorizationServerMetadata: {
      issuer: found,
      authorization_endpoint: `${found}/a`,
      token_endpoint: `${found}/t`,
      response_types_supported: ["code"]
    }
  })
  it("is the one that the server names, except for a slash", () => {
    assert.isUndefined(Issuer.otherThanNamed(info("https://a.example", "https://a.example/")))
    assert.isUndefined(Issuer.otherThanNamed(info("https://a.example/tenant", "https://a.example/tenant")))
    assert.strictEqual(Issuer.otherThanNamed(info("https://a.example", "https://b.example")), "https://b.example")
    assert.strictEqual(
      Issuer.otherThanNamed(info("https://a.example/one", "https://a.example/two")),
      "https://a.example/two"
    )
  })
  it("is not checked if the server names none", () => {
    const { resourceMetadata: _, ...rest } = info("https://a.example", "https://b.example")
    assert.isUndefined(Issuer.otherThanNamed(rest))
  })

  const answer = (fields: Record<string, string>, names = false) =>
    codeIn(new URLSearchParams({ state: "s", code: "c", ...fields }), {
      server: "remote",
      state: "s",
      issuer: "https://a.example",
      names
    })
  it("is exactly the same in the answer, if it is present or was promised", () => {
    assert.strictEqual(answer({})._tag, "Right")
    assert.strictEqual(answer({ iss: "https://a.example" }, true)._tag, "Right")
    for (const wrong of [
      answer({ iss: "https://a.example/" }),
      answer({ iss: "https://b.example" }),
      answer({}, true)
    ]) {
      assert.deepNestedInclude(wrong, { "left.reason": "WrongIssuer" })
    }
  })
})

describe("a login service with a failure", () => {
  it("is not called unreachable when it has answered", () => {
    const failed = (detail: string) => new McpLoginFailed({ server: "remote", reason: "Unreachable", detail }).message
    assert.match(failed("it answered 500: Database away."), /does not work at the moment: it answered 500.*later\.$/)
    assert.match(failed("connect ECONNREFUSED"), /could not be reached: connect ECONNREFUSED\. Check the network/)
  })
})

describe("why a server refuses", () => {
  const table: ReadonlyArray<readonly [string, string | null, RegExp]> = [
    ['{"error":"insufficient_scope","error_description":"It lacks read_api."}', null, /^It lacks read_api\.$/],
    ["", 'Bearer error="invalid_token", error_description="The token \\"x\\" is over"', /^The token "x" is over\.$/],
    ["", "Bearer error=insufficient_scope", /^insufficient scope\.$/],
    ['{"error":{"code":5,"message":"Your plan is used up"}}', null, /^Your plan is used up\.$/],
    ['{"errors":[{"detail":"Not on the list"}]}', null, /^Not on the list\.$/],
    ['{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"No seat"}}', null, /^No seat\.$/],
    [
      "<html><head><title>Forbidden</title><style>p{}</style></head><body><p>Address 10.0.0.7 &amp; others.</p></body>",
      null,
      /^Forbidden Address 10\.0\.0\.7 & others\.$/
    ],
    ["IP not allowed\n", null, /^IP not allowed\.$/],
    ['{"message":"same"}', 'Bearer error_description="same"', /^same\.$/],
    ["", null, /^$/],
    ["{}", null, /^$/]
  ]
  for (const [body, challenge, text] of table) {
    it(`is reported in its own words: ${(body || challenge || "nothing").slice(0, 40)}`, () => {
      assert.match(ServerReason.reasonIn(body, challenge), text)
    })
  }
  it("is reported without tokens, in a few lines", () => {
    const told = ServerReason.reasonIn("Bearer abcdefgh-12345678 and eyJhbGciOi.eyJzdWIi.x are not known", null)
    assert.notMatch(told, /abcdefgh|eyJ/)
    assert.isAtMost(ServerReason.reasonIn("x ".repeat(50_000), null).length, 300)
  })
  it("can be read from any text", () => {
    const anything = FastCheck.oneof(FastCheck.string(), FastCheck.json())
    FastCheck.assert(
      FastCheck.property(anything, FastCheck.option(FastCheck.string()), (body, challenge) => {
        assert.isAtMost(ServerReason.reasonIn(body, challenge).length, 300)
      })
    )
    for (const hostile of ["<".repeat(100_000), "<script".repeat(20_000), "<!--".repeat(30_000), "&".repeat(100_000)]) {
      assert.isString(ServerReason.reasonIn(hostile, hostile))
    }
  })
})
