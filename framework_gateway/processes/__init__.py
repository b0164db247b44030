"""Applications in processes of their own: started, supervised, replaced and stopped."""
