import { assert, describe, it } from "@effect/vitest"
import * as Messages from "#src/lmstudio/lms/Messages.ts"

describe("lms Messages", () => {
  it("removes colours, cursor movements and overwritten text", () => {
    assert.strictEqual(
      Messages.plain(
        "\u001b[?25l\r\u001b[36mLoading m 10% ⠋\u001b[39m\rLoading m 90% ⠙\r\u001b[K\u001b[?25hdone\r\nnext\u001b]8;;x\u0007\n"
      ),
      "done\nnext\n"
    )
  })

  it("recognises the meaning of each complaint", () => {
    for (const [text, complaint] of [
      ['Model not found\n\nNo model found that matches model key "x".', "ModelNotFound"],
      ['Model not found\n\nNo model found with path being exactly "x".', "ModelNotFound"],
      ['Model Not Found\n\nCannot find a model with the identifier "x".', "ModelNotFound"],
      ["! Cannot find a model matching the provided model key (x).", "ModelNotFound"],
      ["Error: No staff picks found with the specified search criteria.", "ModelNotFound"],
      ["Error: Cannot find variant Q.", "ModelNotFound"],
      ['Error: Model "x" not found, load with:\n       lms load x', "ModelNotFound"],
      ["Error: Model loading was stopped due to insufficient system resources. Under the current", "LoadRefused"],
      ["Error: LM Studio daemon is not running and no valid installation could be found or installed.", "NotRunning"],
      [
        "Error: Timed out waiting for LM Studio daemon to start.\nError: Failed to start or connect to local LM Studio API server.",
        "NotRunning"
      ],
      ["Error: The server does not appear to be running at box:1234. Please make sure", "NotRunning"],
      ["Error: The server is not running.", "NotRunning"],
      ["Invalid Usage\n\nYou cannot provide both", "Exit"],
      ["Model loaded successfully in 5.12s.\n(4.92 GiB)\n", undefined],
      ['Unloading "x"...\nUnloaded 1 model.', undefined]
    ] as const) {
      assert.strictEqual(Messages.complaintOf(text), complaint, text)
    }
  })

  it("reads an estimate, in GiB and in GB, whatever it says", () => {
    const text = (unit: string, verdict: string) =>
      `Model: KEY\nContext Length: 4,096\nGPU Offload: 50%\nEstimated GPU Memory:   65.68 ${unit}\nEstimated Total Memory: 1,065.68 ${unit}\nConfidence: LOW\n\nEstimate: This model ${verdict} based on your resource guardrails settings.\n`
    assert.deepStrictEqual(Messages.estimateOf(text("GiB", "may be loaded")), {
      gpuBytes: Math.round(65.68 * 2 ** 30),
      totalBytes: Math.round(1065.68 * 2 ** 30),
      fits: true
    })
    assert.deepInclude(Messages.estimateOf(text("GB", "will fail to load")), { gpuBytes: 65_680_000_000, fits: false })
    assert.isUndefined(Messages.estimateOf("Model: KEY\n"))
    assert.deepStrictEqual(Messages.estimateOf("Estimated GPU Memory: NaN GiB\nEstimate: This model may be loaded x"), {
      gpuBytes: undefined,
      totalBytes: undefined,
      fits: true
    })
  })

  it("reads progress, and nothing else", () => {
    assert.deepStrictEqual(Messages.progressOf("\u001b[2K[####] 12.34% | 1.2 GB / 4.9 GB | 50.00 MB/s | ETA 01:10\r"), {
      _tag: "Downloading",
      fraction: 0.1234,
      detail: "1.2 GB / 4.9 GB | 50.00 MB/s | ETA 01:10"
    })
    assert.strictEqual(Messages.progressOf("[] 100%")?.fraction, 1)
    for (const line of ["", "   ↓ To download: x [4.9 GB]", "50% of it", "[x] done"]) {
      assert.isUndefined(Messages.progressOf(line), line)
    }
  })

  it("finds JSON after the text that older versions print before it", () => {
    assert.strictEqual(Messages.jsonIn('[{"a":1}]\n'), '[{"a":1}]')
    assert.strictEqual(Messages.jsonIn('W Something\nThe server is [not] running\n{"a":1}\n'), '{"a":1}')
    assert.strictEqual(Messages.jsonIn("nothing"), "nothing")
  })

  it("keeps a tail of limited length", () => {
    assert.strictEqual(Messages.tail(`${"x".repeat(10_000)}\u001b[31mend\u001b[39m\n`).length, 500)
  })
})
