/** A `FileSystem` of texts in memory, so that file access takes no time and a test can drive the clock. */
import * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/** What a test does to the files behind the program's back. Paths are absolute, with `/`. */
export class MemoryFiles extends Context.Tag("@lms-bridge/testing/MemoryFiles")<
  MemoryFiles,
  {
    /** Path to text. */
    readonly all: Effect.Effect<ReadonlyMap<string, string>>
    readonly write: (path: string, text: string) => Effect.Effect<void>
    readonly remove: (path: string) => Effect.Effect<void>
    /** Whether writing fails from now on. */
    readonly setReadOnly: (readOnly: boolean) => Effect.Effect<void>
  }
>() {}

/** `links` are symbolic links, such as `/proc/self`. Folders exist if they were created or contain something. */
export interface Options {
  readonly files?: Readonly<Record<string, string>> | undefined
  readonly links?: Readonly<Record<string, string>> | undefined
  readonly readOnly?: boolean | undefined
}

/**
 * Supports access, exists, makeDirectory, open (to write at the end), readDirectory, readFile, readFileString,
 * readLink, remove, rename, stat, writeFileString (with the flags `w`, `wx` and `a`). Anything else fails or dies, as in
 * `FileSystem.layerNoop`.
 */
export const layer = (options: Options = {}): Layer.Layer<FileSystem.FileSystem | Path.Path | MemoryFiles> =>
  Layer.merge(
    Path.layer,
    Layer.effectContext(
      Effect.sync(() => {
        const { fs, files } = make(options)
        return Context.make(FileSystem.FileSystem, fs).pipe(Context.add(MemoryFiles, files))
      })
    )
  )

/** The same as values, for two programs that share one disk. */
export const make = (
  options: Options = {}
): { readonly fs: FileSystem.FileSystem; readonly files: Context.Tag.Service<MemoryFiles> } => {
  const texts = new Map(Object.entries(options.files ?? {}))
  const folders = new Set<string>()
  let readOnly = options.readOnly ?? false

  const isFolder = (path: string) => folders.has(path) || [...texts.keys()].some((file) => file.startsWith(`${path}/`))
  const exists = (path: string) => texts.has(path) || isFolder(path)
  const writing = <A>(method: string, path: string, change: () => Effect.Effect<A, PlatformError.PlatformError>) =>
    Effect.suspend(() => (readOnly ? failure("PermissionDenied", method, path) : change()))
  const text = (method: string, path: string) =>
    Effect.suspend(() => {
      const found = texts.get(path)
      return found === undefined ? failure("NotFound", method, path) : Effect.succeed(found)
    })

  const fs = FileSystem.makeNoop({
    access: (path, wanted) =>
      Effect.suspend(() => {
        if (!exists(path)) return failure("NotFound", "access", path)
        return wanted?.writable === true && readOnly ? failure("PermissionDenied", "access", path) : Effect.void
      }),
    exists: (path) => Effect.sync(() => exists(path)),
    makeDirectory: (path) => writing("makeDirectory", path, () => Effect.sync(() => void folders.add(path))),
    open: (path, how) =>
      writing("open", path, () =>
        how?.flag === "wx" && exists(path)
          ? failure("AlreadyExists", "open", path)
          : Effect.sync(() => {
              if (how?.flag !== "a") texts.set(path, "")
              const now = () => texts.get(path) ?? ""
              const change = (next: () => string) =>
                writing("write", path, () => Effect.sync(() => void texts.set(path, next())))
              return opened(now, change)
            })
      ),
    readDirectory: (path) =>
      Effect.suspend(() =>
        isFolder(path)
          ? Effect.succeed([
              ...new Set(
                [...texts.keys(), ...folders]
                  .filter((file) => file.startsWith(`${path}/`))
                  .map((file) => file.slice(path.length + 1).split("/")[0] ?? "")
              )
            ])
          : failure("NotFound", "readDirectory", path)
      ),
    readFile: (path) => Effect.map(text("readFile", path), (found) => new TextEncoder().encode(found)),
    readFileString: (path) => text("readFileString", path),
    readLink: (path) =>
      Effect.suspend(() => {
        const target = options.links?.[path]
        return target === undefined ? failure("NotFound", "readLink", path) : Effect.succeed(target)
      }),
    remove: (path, how) =>
      writing("remove", path, () =>
        texts.delete(path) || how?.force === true ? Effect.void : failure("NotFound", "remove", path)
      ),
    rename: (from, to) =>
      writing("rename", from, () =>
        Effect.map(text("rename", from), (found) => {
          texts.delete(from)
          texts.set(to, found)
        })
      ),
    stat: (path) =>
      Effect.suspend(() => (exists(path) ? Effect.succeed(info(texts.get(path))) : failure("NotFound", "stat", path))),
    writeFileString: (path, content, how) =>
      writing("writeFileString", path, () =>
        how?.flag === "wx" && exists(path)
          ? failure("AlreadyExists", "writeFileString", path)
          : Effect.sync(() => void texts.set(path, how?.flag === "a" ? `${texts.get(path) ?? ""}${content}` : content))
      )
  })

  return {
    fs,
    files: {
      all: Effect.sync(() => new Map(texts)),
      write: (path, content) => Effect.sync(() => void texts.set(path, content)),
      remove: (path) => Effect.sync(() => void texts.delete(path)),
      setReadOnly: (value) =>
        Effect.sync(() => {
          readOnly = value
        })
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const failure = (reason: PlatformError.SystemErrorReason, method: string, path: string) =>
  new PlatformError.SystemError({ reason, module: "FileSystem", method, pathOrDescriptor: path })

/** A file that is open to be written at its end. */
const opened = (
  now: () => string,
  change: (next: () => string) => Effect.Effect<void, PlatformError.PlatformError>
): FileSystem.File => {
  const unknown = Effect.dieMessage("MemoryFileSystem: a file is opened only to be written at its end")
  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    fd: FileSystem.FileDescriptor(0),
    stat: Effect.sync(() => info(now())),
    seek: () => unknown,
    sync: Effect.void,
    read: () => unknown,
    readAlloc: () => unknown,
    truncate: (size = FileSystem.Size(0)) =>
      change(() => new TextDecoder().decode(new TextEncoder().encode(now()).slice(0, Number(size)))),
    write: () => unknown,
    writeAll: (bytes) => change(() => `${now()}${new TextDecoder().decode(bytes)}`)
  }
}

const info = (text: string | undefined): FileSystem.File.Info => ({
  type: text === undefined ? "Directory" : "File",
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0,
  ino: Option.none(),
  mode: 0o644,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  size: FileSystem.Size(new TextEncoder().encode(text).length),
  blksize: Option.none(),
  blocks: Option.none()
})
