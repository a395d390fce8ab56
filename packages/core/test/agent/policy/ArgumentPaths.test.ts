import { assert, describe, it } from "@effect/vitest"
import { outsideOf, secretIn } from "#src/agent/policy/ArgumentPaths.ts"

const within = (text: string) => outsideOf([text], ["/home/a/work"]) === undefined
const isSecret = (text: string) => secretIn([text]) !== undefined

describe("ArgumentPaths", () => {
  it.each(["my docs/../../x", "Übung/../../x", "-/../../x", "@x/../../y", "a very long way of words/../../x"])(
    "recognises that a path leads outside, whatever its first folder is called: %s",
    (path) => {
      assert.isFalse(within(path))
    }
  )

  it.each(["my docs/x y.txt", "a b c/../d", "Übung/x", "either ../this or that"])(
    "accepts a path that stays inside: %s",
    (path) => {
      assert.isTrue(within(path))
      assert.isFalse(isSecret(path))
    }
  )

  it.each(["my app/.env", ".env~", ".env-prod", "prod.env", "Übung/.env", "~/.ssh\0.txt", "/var/run/secrets/db/token"])(
    "recognises where keys and passwords are stored: %j",
    (path) => {
      assert.isTrue(isSecret(path))
    }
  )

  it.each([".env-sample", "example.env", "conf/.env.example", "Keys lie in ~/.ssh/config of this machine, it says"])(
    "does not mistake other text for such a place: %s",
    (text) => {
      assert.isFalse(isSecret(text))
    }
  )
})
