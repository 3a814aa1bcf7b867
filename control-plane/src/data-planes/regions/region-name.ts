import { z } from "zod";

export const regionName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be a region's name");
