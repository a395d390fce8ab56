import { assert, describe, it } from "@effect/vitest"
import { outsideOf, secretIn } from "#src/agent/policy/ArgumentPaths.ts"

const within = (text: string) => outsideOf([text], ["/home/a/work"]) === undefined
const isSecret = (text: string) => secretIn([text]) !== undefined

describe("ArgumentPaths", () => {
  it.each(["my docs/../../x", "Übung/../../x", "-/../../x", "@x/../../y", "a very long way of words/../../x"])(
    "sees that a path leads out, whatever its first folder is called: %s",
    (path) => {
      assert.isFalse(within(path))
    }
  )

  it.each(["my docs/x y.txt", "a b c/../d", "Übung/x", "either ../this or that"])(
    "lets stay what stays: %s",
    (path) => {
      assert.isTrue(within(path))
      assert.isFalse(isSecret(path))
    }
  )

  it.each(["my app/.env", ".env~", ".env-prod", "prod.env", "Übung/.env", "~/.ssh\0.txt", "/var/run/secrets/db/token"])(
    "knows where keys and passwords are kept: %j",
    (path) => {
      assert.isTrue(isSecret(path))
    }
  )

  it.each([".env-sample", "example.env", "conf/.env.example", "Keys lie in ~/.ssh/config of this machine, it says"])(
    "takes nothing else for such a place: %s",
    (text) => {
      assert.isFalse(isSecret(text))
    }
  )
})
