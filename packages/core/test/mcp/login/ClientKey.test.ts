import { assert, describe, it } from "@effect/vitest"
import * as ClientKey from "#src/mcp/login/ClientKey.ts"
import { Effect, Redacted } from "effect"
import { generateKeyPairSync, verify, type KeyObject } from "node:crypto"

const pemOf = ({ privateKey }: { readonly privateKey: KeyObject }) =>
  privateKey.export({ type: "pkcs8", format: "pem" }).toString()

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" })

describe("a private key as the secret of a client", () => {
  it("is told from other secrets, in several lines or in one", () => {
    const pem = pemOf(ec).trim()
    assert.strictEqual(ClientKey.pemIn(Redacted.make(pem)), pem)
    assert.strictEqual(ClientKey.pemIn(Redacted.make(pem.replaceAll("\n", "\\n"))), pem)
    assert.isUndefined(ClientKey.pemIn(Redacted.make("a-secret")))
    // one that cannot sign must not be sent as a password either
    const older = ec.privateKey.export({ type: "sec1", format: "pem" }).toString().trim()
    assert.strictEqual(ClientKey.pemIn(Redacted.make(older)), older)
    assert.isUndefined(ClientKey.pemIn(undefined))
  })

  it("says by its kind how it signs", () => {
    assert.strictEqual(ClientKey.algorithmOf(pemOf(ec)), "ES256")
    assert.strictEqual(ClientKey.algorithmOf(pemOf(generateKeyPairSync("ec", { namedCurve: "P-384" }))), "ES384")
    assert.strictEqual(ClientKey.algorithmOf(pemOf(generateKeyPairSync("rsa", { modulusLength: 2048 }))), "RS256")
  })

  it.effect("fails the request where it is no key that can sign", () =>
    Effect.gen(function* () {
      const older = ec.privateKey.export({ type: "sec1", format: "pem" }).toString()
      for (const pem of [older, "-----BEGIN PRIVATE KEY-----\n???\n-----END PRIVATE KEY-----"]) {
        const params = new URLSearchParams()
        const isRefused = yield* Effect.promise(() =>
          Promise.resolve(
            ClientKey.authentication("robot", pem)(new Headers(), params, "https://login.example/t")
          ).then(
            () => false,
            () => true
          )
        )
        assert.isTrue(isRefused)
        assert.strictEqual(params.toString(), "")
      }
    })
  )

  it.effect("signs for the service alone, and is not in the request", () =>
    Effect.promise(async () => {
      const params = new URLSearchParams()
      const metadata = {
        issuer: "https://login.example",
        authorization_endpoint: "https://login.example/a",
        token_endpoint: "https://login.example/t",
        response_types_supported: ["code"]
      }
      await ClientKey.authentication("robot", pemOf(ec))(new Headers(), params, "https://login.example/t", metadata)
      const [head = "", body = "", signature = ""] = String(params.get("client_assertion")).split(".")
      const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as object
      assert.deepInclude(claims, { iss: "robot", sub: "robot", aud: "https://login.example" })
      assert.isTrue(
        verify(
          "sha256",
          Buffer.from(`${head}.${body}`),
          { key: ec.publicKey, dsaEncoding: "ieee-p1363" },
          Buffer.from(signature, "base64url")
        )
      )
      assert.notInclude(params.toString(), "PRIVATE")
    })
  )
})
