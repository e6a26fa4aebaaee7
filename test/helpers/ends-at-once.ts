/** A program that ends with code 3 before it does anything. */
process.exit(3)
