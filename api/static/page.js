// What pages do besides what forms and links do by themselves. Everything works without it, more slowly.
