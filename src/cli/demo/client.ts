/** An image behind the proxy. */
export interface Reference {
  /** `localhost:PORT` */
  readonly proxy: string
  /** The registry's host, and the repository there. */
  readonly repository: string
  readonly tag: string
}

/** A program that pushes the demo's image and pulls it back. */
export interface ImageClient {
  readonly name: string
  /** @returns the image's digest or id, by which {@link ImageClient.pull} tells the same image. */
  push(reference: Reference): Promise<string>
  pull(reference: Reference): Promise<string>
  /** Leaves nothing behind. */
  close(): Promise<void>
}

/** `localhost:PORT/HOST/REPOSITORY:TAG`, as docker and its kin write it. */
export function nameOf({ proxy, repository, tag }: Reference): string {
  return `${proxy}/${repository}:${tag}`
}
