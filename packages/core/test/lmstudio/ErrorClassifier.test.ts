import { assert, describe, it } from "@effect/vitest"
import { FastCheck, Schema } from "effect"
import { classify } from "#src/lmstudio/ErrorClassifier.ts"
import { LmStudioError } from "#src/lmstudio/LmStudioError.ts"
import { wrapped } from "@lms-bridge/simulator/ChatTemplates"
import { rows, type Row } from "./errorTexts.ts"
import { errorOf } from "#src/lmstudio/wire/ErrorBody.ts"

const read = ({ body, hadToken, operation = "chat", status }: Row) =>
  classify({
    operation,
    model: "asked",
    status,
    hadToken,
    facts: errorOf(typeof body === "string" ? body : JSON.stringify(body))
  })

describe("ErrorClassifier", () => {
  for (const row of rows) {
    it(`${row.where} is ${row.error._tag}${row.error.reason === undefined ? "" : ` (${row.error.reason})`}`, () => {
      const error = read(row)
      for (const [field, value] of Object.entries(row.error)) {
        assert.deepStrictEqual(error[field as keyof typeof error], value, `${field} of ${error.message}`)
      }
    })
  }

  it("keeps the server's own words in every error that comes from a body", () => {
    for (const row of rows) {
      const error = read(row)
      if (!("serverMessage" in error) || typeof row.body === "string") continue
      assert.include(JSON.stringify(row.body), JSON.stringify(error.serverMessage).slice(1, -1), row.where)
    }
  })

  it("extracts the text of a template from what LM Studio wraps around it", () => {
    const { message } = classify({
      operation: "chat",
      model: "m",
      facts: { message: wrapped("System role not supported") }
    })
    assert.include(message, "refuses the conversation: System role not supported. Use")
  })

  it("says what happened in every message, in sentences and without the bodies' braces", () => {
    for (const row of rows) {
      const { message } = read(row)
      assert.match(message, /^[A-Z"]/, message)
      assert.notInclude(message, "{", message)
    }
  })

  it("says which names are similar to the requested one", () => {
    const error = classify({
      operation: "chat",
      model: "qwen3-4b",
      status: 400,
      facts: {
        message:
          'Invalid model identifier "qwen3-4b". Please specify a valid downloaded model (e.g., llama-3.2-3b, qwen/qwen3-4b).',
        code: "model_not_found"
      }
    })
    assert.include(error.message, "Did you mean qwen/qwen3-4b?")
  })

  it("does not retry once output was delivered", () => {
    const error = classify({
      operation: "chat",
      model: "m",
      delivered: 12,
      facts: { message: "received prediction-error" }
    })
    assert.deepInclude(error, { _tag: "ServerFault", delivered: 12, retryable: false })
  })

  it.prop(
    "turns any body and any status into a typed error with a sentence",
    [
      FastCheck.oneof(
        FastCheck.jsonValue().map((value) => JSON.stringify(value)),
        FastCheck.string()
      ),
      FastCheck.option(FastCheck.integer({ min: 200, max: 599 }))
    ],
    ([body, status]) => {
      const error = classify({ operation: "chat", status: status ?? undefined, facts: errorOf(body) })
      assert.isTrue(Schema.is(LmStudioError)(error))
      assert.isNotEmpty(error.message)
    }
  )
})
