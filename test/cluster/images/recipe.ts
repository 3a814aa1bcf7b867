import type { Workshop } from "./workshop.ts";

export interface Recipe {
  /** The image's name in its repository. */
  readonly name: string;
  /** A hash of all that goes into the image. */
  inputs(): Promise<string>;
  /** Leaves an OCI archive. */
  build(order: Order): Promise<void>;
}

export interface Order {
  readonly workshop: Workshop;
  /** With tag. */
  readonly name: string;
  readonly archive: string;
}
