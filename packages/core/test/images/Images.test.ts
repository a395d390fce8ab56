import { HttpClient, HttpClientResponse, type HttpClientRequest } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { WorkingFolders } from "#src/machine/WorkingFolders.ts"
import { Settings } from "#src/configuration/Settings.ts"
import * as ImageData from "#src/images/ImageData.ts"
import { Images } from "#src/images/Images.ts"
import { isPublic, mayFetch, PublicWeb } from "#src/images/PublicWeb.ts"
import { ConfigProvider, Effect, Encoding, Layer, Option } from "effect"

const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...Array.from({ length: 60 }, () => 1)])

type Answer = (request: HttpClientRequest.HttpClientRequest) => Response

const withImages = Effect.fnUntraced(
  function* <A, E>(
    test: (
      load: (source: string) => ReturnType<(typeof Images.Service)["load"]>,
      home: string
    ) => Effect.Effect<A, E, FileSystem.FileSystem>,
    web?: Answer
  ) {
    const fs = yield* FileSystem.FileSystem
    const home = yield* Effect.flatMap(fs.makeTempDirectoryScoped(), fs.realPath)
    const client =
      web === undefined
        ? Option.none()
        : Option.some(
            HttpClient.make((request) => Effect.sync(() => HttpClientResponse.fromWeb(request, web(request))))
          )
    const layer = Images.layer.pipe(
      Layer.provide(WorkingFolders.layer),
      Layer.provide(Settings.layerWith({ workingDir: Option.some(home) })),
      Layer.provide(Layer.succeed(PublicWeb, client)),
      Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["HOME", home]]))))
    )
    const images = yield* Effect.provide(Images, layer)
    return yield* test((source) => images.load(source), home)
  },
  Effect.scoped,
  Effect.provide(NodeContext.layer)
)

describe("Images", () => {
  it.live("loads files, base64 and data URLs, and reads the kind from the bytes", () =>
    withImages((load, home) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const base64 = Encoding.encodeBase64(png)
        yield* fs.writeFile(`${home}/photo.jpg`, png)
        const expected = { kind: "image/png", bytes: png.length, dataUrl: `data:image/png;base64,${base64}` }
        for (const source of [
          "photo.jpg",
          `~/photo.jpg`,
          `file://${home}/photo.jpg`,
          base64,
          `data:image/jpeg;base64,${base64}`
        ]) {
          assert.deepStrictEqual(yield* load(source), expected, source.slice(0, 40))
        }
      })
    )
  )

  it.live("refuses files that are not images, are missing, or lie where no model may look", () =>
    withImages((load, home) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString(`${home}/secret.png`, "root:x:0:0")
        yield* fs.makeDirectory(`${home}/.ssh`)
        yield* fs.makeDirectory(`${home}/pictures`)
        yield* fs.writeFile(`${home}/.ssh/key.png`, png)
        yield* fs.symlink(`${home}/.ssh/key.png`, `${home}/innocent.png`)
        const reasons = yield* Effect.forEach(
          [
            "secret.png",
            "nowhere.png",
            "innocent.png",
            "/etc/hostname",
            "pictures",
            `data:image/png;base64,${"A".repeat(99)}`
          ],
          (source) => Effect.map(Effect.flip(load(source)), ({ reason }) => reason)
        )
        assert.deepStrictEqual(reasons, ["NotAnImage", "NotFound", "Folder", "Folder", "NotAnImage", "NotBase64"])
        const huge = `data:image/png;base64,${"A".repeat((ImageData.maxBytes / 3) * 4 + 8)}`
        assert.strictEqual((yield* Effect.flip(load(huge))).reason, "TooLarge")
        assert.strictEqual((yield* Effect.flip(load("https://example.com/a.png"))).reason, "NoWeb")
      })
    )
  )

  it.live("follows redirects within the public web, but none that lead out of it", () =>
    withImages(
      (load) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* load("https://example.com/moved")).kind, "image/png")
          for (const [path, reason] of [
            ["inward", "Address"],
            ["round", "Redirects"],
            ["gone", "Http"],
            ["huge", "TooLarge"],
            ["page", "NotAnImage"]
          ] as const) {
            assert.strictEqual((yield* Effect.flip(load(`https://example.com/${path}`))).reason, reason, path)
          }
          assert.strictEqual((yield* Effect.flip(load("http://169.254.169.254/latest/meta-data"))).reason, "Address")
        }),
      ({ url }) => {
        const to = (location: string) => new Response(null, { status: 302, headers: { location } })
        switch (new URL(url).pathname) {
          case "/moved":
            return to("/image")
          case "/inward":
            return to("http://127.0.0.1:1234/image")
          case "/round":
            return to("/round")
          case "/gone":
            return new Response(null, { status: 404 })
          case "/huge":
            return new Response(new Uint8Array(ImageData.maxBytes + 1))
          case "/page":
            return new Response("<html>")
          default:
            return new Response(png)
        }
      }
    )
  )
})

describe("addresses of the public web", () => {
  it("recognises machine, network and cloud addresses in all their spellings", () => {
    for (const address of ["93.184.216.34", "2606:2800:220:1::1"]) assert.isTrue(isPublic(address), address)
    for (const address of [
      "127.0.0.1",
      "0.0.0.0",
      "10.1.2.3",
      "172.16.0.1",
      "192.168.1.1",
      "169.254.169.254",
      "100.64.0.1",
      "224.0.0.1",
      "255.255.255.255",
      "::1",
      "::",
      "::ffff:127.0.0.1",
      "::ffff:a00:1",
      "fe80::1%eth0",
      "fd00:ec2::254",
      "64:ff9b::7f00:1",
      "2002:7f00:1::",
      "nonsense"
    ]) {
      assert.isFalse(isPublic(address), address)
    }
  })

  it("refuses URLs with such an address, with credentials or with another scheme", () => {
    assert.isTrue(mayFetch(new URL("https://example.com/a.png")))
    for (const url of [
      "ftp://example.com/a.png",
      "https://me:secret@example.com/",
      "http://localhost/",
      "http://printer/",
      "http://router.lan/",
      "http://metadata.google.internal/",
      "http://2130706433/",
      "http://0x7f.1/",
      "http://127.1/",
      "http://[::1]/",
      "http://[::ffff:10.0.0.1]/"
    ]) {
      assert.isFalse(mayFetch(new URL(url)), url)
    }
  })
})
