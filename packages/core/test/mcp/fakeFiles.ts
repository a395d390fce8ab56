/** A `FileSystem` of texts in memory that counts its calls. */
import { FileSystem, Path } from "@effect/platform"
import { SystemError } from "@effect/platform/Error"
import { DateTime, Effect, Layer, Option, Stream } from "effect"

interface File {
  text: string | Uint8Array
  version: number
  ino: number
  unreadable: boolean
  executable?: boolean
}

const failure = (reason: "NotFound" | "PermissionDenied", method: string, path: string) =>
  new SystemError({ reason, module: "FileSystem", method, pathOrDescriptor: path })

export const make = (options: { readonly watchable?: boolean } = {}) => {
  const files = new Map<string, File>()
  const watchers = new Set<{ readonly folder: string; readonly tell: (path: string) => void }>()
  const tell = (path: string) => {
    for (const watcher of watchers) if (path.startsWith(`${watcher.folder}/`)) watcher.tell(path)
  }
  const asked = { stat: 0, read: 0 }
  let inodes = 100

  const find = (method: string, path: string) => {
    const file = files.get(path)
    return file === undefined ? Effect.fail(failure("NotFound", method, path)) : Effect.succeed(file)
  }

  const layer = FileSystem.layerNoop({
    exists: (path) => Effect.succeed(files.has(path)),
    stat: (path) =>
      Effect.map(find("stat", path), (file): FileSystem.File.Info => {
        asked.stat += 1
        return {
          type: "File",
          mtime: Option.some(DateTime.toDateUtc(DateTime.unsafeMake(file.version))),
          atime: Option.none(),
          birthtime: Option.none(),
          dev: 0,
          ino: Option.some(file.ino),
          mode: file.executable === true ? 0o755 : 0o644,
          nlink: Option.none(),
          uid: Option.none(),
          gid: Option.none(),
          rdev: Option.none(),
          size: FileSystem.Size(file.text.length),
          blksize: Option.none(),
          blocks: Option.none()
        }
      }),
    readFile: (path) =>
      Effect.flatMap(find("readFile", path), (file) => {
        asked.read += 1
        return file.unreadable
          ? Effect.fail(failure("PermissionDenied", "readFile", path))
          : Effect.succeed(typeof file.text === "string" ? new TextEncoder().encode(file.text) : file.text)
      }),
    watch: (folder) =>
      options.watchable === true
        ? Stream.async<FileSystem.WatchEvent>((emit) => {
            const watcher = {
              folder,
              tell: (path: string) =>
                void emit.single(FileSystem.WatchEventUpdate({ path: path.split("/").at(-1) ?? "" }))
            }
            watchers.add(watcher)
            return Effect.sync(() => watchers.delete(watcher))
          })
        : Stream.fail(failure("NotFound", "watch", folder))
  })

  return {
    asked,
    layer: Layer.merge(layer, Path.layer),
    /** Written in place: the same file at a later time. */
    write: (path: string, content: unknown) => {
      const text = typeof content === "string" || content instanceof Uint8Array ? content : JSON.stringify(content)
      const before = files.get(path)
      files.set(path, {
        text,
        version: (before?.version ?? 0) + 1,
        ino: before?.ino ?? inodes++,
        unreadable: before?.unreadable ?? false
      })
      tell(path)
    },
    /** Written in place within the same clock tick, with the same length. */
    overwrite: (path: string, content: unknown) => {
      const file = files.get(path)
      if (file !== undefined) file.text = JSON.stringify(content)
      tell(path)
    },
    watchers,
    /** Replaced by another file with the same times, as by an editor that renames a file over it. */
    replace: (path: string, content: unknown) => {
      const version = files.get(path)?.version ?? 1
      files.set(path, { text: JSON.stringify(content), version, ino: inodes++, unreadable: false })
      tell(path)
    },
    forbid: (path: string) => {
      const file = files.get(path)
      if (file !== undefined) file.unreadable = true
    },
    /** May be executed from now on. */
    allow: (path: string) => {
      const file = files.get(path)
      if (file !== undefined) file.executable = true
    },
    remove: (path: string) => {
      files.delete(path)
      tell(path)
    }
  }
}
